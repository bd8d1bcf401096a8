"""`bootstrap certs`: how long certificates are good for, and others in their place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import ConfigFile, DryRun, Output, absolute_path, read_config
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.screen import Progress, say, show_json, show_remarks, silent, wait_for_turn
from bootstrap.cli.screens.table import show_table
from bootstrap.model import names as model_names
from bootstrap.model.errors import Exit

app = App("Certificates of this machine: how long they are good for, and new ones.")


CertDir = Annotated[str, typer.Option(help="Where the certificates are.", metavar="DIR", callback=absolute_path)]
Kubeconfig = Annotated[
    str, typer.Option(help="Who asks the cluster for its configuration.", metavar="FILE", callback=absolute_path)
]
DATE = "%b %d, %Y %H:%M UTC"
"""As kubeadm writes it."""


@app.command("check-expiration")
def check_expiration(
    config: ConfigFile = None, cert_dir: CertDir = "", kubeconfig: Kubeconfig = "", output: Output = "text"
) -> int:
    """When each certificate of this machine ends, and which CA signs another one."""
    from bootstrap.workflows import certs
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    request = certs.CertsRequest(read_config(config, host), kubeconfig, cert_dir)
    leaves, authorities = certs.check(host, mode.name, request)
    now = datetime.now(UTC)
    if output == "json":
        print(json.dumps(_document(leaves, authorities, now), indent=2))
        return Exit.OK
    head = ("CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED", "SIGNED BY")
    show_table((head, *(_leaf(each, now) for each in leaves)))
    print()
    ca_head = ("CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED")
    show_table((ca_head, *(_leaf(each, now)[:3] + _leaf(each, now)[4:5] for each in authorities)))
    return Exit.OK


@app.command()
def renew(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...|all", help="As check-expiration shows them; all that can be.")
    ],
    due: Annotated[bool, typer.Option("--due", help="Only what has less than a third of its life left.")] = False,
    config: ConfigFile = None,
    cert_dir: CertDir = "",
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Sign new certificates with the CA that is here, and restart who reads them, one after the other."""
    from bootstrap.engine.turn import alone
    from bootstrap.workflows import certs
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    request = certs.CertsRequest(read_config(config, host), kubeconfig, cert_dir)

    def decide() -> certs.RenewalDecision:
        return certs.decide_renewal(host, mode.name, request, tuple(names), datetime.now(UTC), due=due)

    if dry_run:
        return _preview(decide(), host, output, due=due)
    with alone(host, wait_for_turn):
        decision = decide()
        if output == "text":
            _say(decision.result, due=due)
            show_remarks(decision.plan)
        certs.renew(host, mode.name, decision, Progress(decision.plan) if output == "text" else silent)
    if output == "json":
        show_json(_result(decision))
    return Exit.OK


@app.command("generate-csr")
def generate_csr(
    config: ConfigFile = None,
    cert_dir: CertDir = "",
    kubeconfig_dir: Annotated[
        str, typer.Option(help="Where the kubeconfigs belong.", metavar="DIR", callback=absolute_path)
    ] = model_names.KUBERNETES_DIR,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Make a key and a request for each certificate of a control plane, for a CA elsewhere to sign.

    A signed certificate belongs beside its key (.crt), that of a kubeconfig into its client-certificate-data.
    """
    from bootstrap.workflows import requests
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    made = requests.make(host, mode.name, read_config(config, host), cert_dir, kubeconfig_dir)
    if not dry_run:
        requests.write(host, made)
    if output == "json":
        show_json({"files": [file.path for file in made]})
        return Exit.OK
    for file in made:
        print(file.path)
    return Exit.OK


@app.command("certificate-key")
def certificate_key(output: Output = "text") -> int:
    """Print a key that uploaded certificates can be encrypted with (init --upload-certs --certificate-key)."""
    from bootstrap.workflows.joining.lines import made_certificate_key

    key = str(made_certificate_key())
    print(json.dumps({"certificateKey": key}) if output == "json" else key)
    return Exit.OK


@app.command()
def approve(
    follow: Annotated[bool, typer.Option("--follow", help="Go on as requests come, without an end.")] = False,
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Approve what kubelets ask for to serve with, and say why others are left.

    A node may have its own names and addresses. On control planes a unit does it all the time.
    """
    from bootstrap.workflows import approve as workflow
    from bootstrap.workflows.mode import enter

    host = enter()[1]
    if follow:
        workflow.follow(host)
    verdicts = workflow.approve(host, kubeconfig, dry_run=dry_run)
    if output == "json":
        show_json({"requests": [asdict(verdict) for verdict in verdicts]})
        return Exit.OK
    for verdict in verdicts:
        say(workflow.line(verdict), "!" if verdict.refusal else "✓")
    if not verdicts:
        say("no kubelet waits")
    if dry_run:
        say("nothing was written")
    return Exit.OK


def _preview(decision: Any, host: Any, output: str, *, due: bool) -> int:
    from bootstrap.engine.preview import preview

    if output == "json":
        show_json({**_result(decision), "steps": [asdict(step) for step in preview(decision.plan, host)]})
        return Exit.OK
    _say(decision.result, due=due)
    show_remarks(decision.plan)
    for step in preview(decision.plan, host):
        for effect in step.effects:
            say(f"  {effect.what}")
    say("nothing was written")
    return Exit.OK


def _say(result: Any, *, due: bool) -> None:
    for each in result.renewed:
        say(f"{each.name:<26} until {each.ends:{DATE}}")
    for name in result.missing:
        say(f"{name:<26} is missing, and is left so", "!")
    for name in result.external:
        say(f"{name:<26} stays: the key of its CA is not on this machine", "!")
    if not result.renewed:
        say("nothing is due" if due else "there is nothing to renew: the kubelet renews its own")


def _result(decision: Any) -> dict[str, Any]:
    result = decision.result
    return {
        "renewed": [{"name": each.name, "expirationDate": _time(each.ends)} for each in result.renewed],
        "missing": result.missing,
        "externallyManaged": result.external,
        "restarted": [
            step.id.removeprefix("restart/") for step in decision.plan.steps if step.id.startswith("restart/")
        ],
    }


def _leaf(each: Any, now: datetime) -> tuple[str, ...]:
    if each.ends is None:
        return (f"!MISSING! {each.name}", each.problem, "", "", "", "")
    left = (each.ends - now).total_seconds()
    return (
        each.name,
        f"{each.ends:{DATE}}",
        _left(left),
        each.ca or "<none>",
        "yes" if each.external else "no",
        each.issuer,
    )


def _left(seconds: float) -> str:
    from bootstrap.formats.durations import short_duration

    return short_duration(seconds) if seconds > 0 else "<expired>"


def _document(leaves: Sequence[Any], authorities: Sequence[Any], now: datetime) -> dict[str, Any]:
    """kubeadm's CertificateExpirationInfo, with the file and the signer of each."""
    return {
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "kind": "CertificateExpirationInfo",
        "certificates": [_entry(each, now) for each in leaves],
        "certificateAuthorities": [_entry(each, now) for each in authorities],
    }


def _entry(each: Any, now: datetime) -> dict[str, Any]:
    here = each.ends is not None
    return {
        "name": each.name,
        "expirationDate": _time(each.ends) if here else None,
        "residualTime": int((each.ends - now).total_seconds()) if here else 0,
        **({"caName": each.ca} if each.ca and here else {}),
        "externallyManaged": each.external,
        "missing": not here,
        "path": each.path,
        **({"issuer": each.issuer} if here else {}),
    }


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
