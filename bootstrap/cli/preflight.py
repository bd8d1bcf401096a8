"""`bootstrap preflight`: every check that `init` makes first, and nothing else."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.inputs import (
    AdvertiseAddress,
    BindPort,
    CertDir,
    ConfigFile,
    CriSocket,
    Ignored,
    NodeName,
    Output,
    PodCidr,
    ServiceCidr,
    Strict,
    comma_separated,
    read_config,
)
from bootstrap.cli.screen import say
from bootstrap.model.errors import Exit

WIDTH = 100


def preflight(
    verb: Annotated[str, typer.Argument(help="What is to come: init.")] = "init",
    config: ConfigFile = None,
    apiserver_advertise_address: AdvertiseAddress = None,
    apiserver_bind_port: BindPort = None,
    cert_dir: CertDir = None,
    cri_socket: CriSocket = None,
    node_name: NodeName = None,
    pod_network_cidr: PodCidr = None,
    service_cidr: ServiceCidr = None,
    ignore_preflight_errors: Ignored = None,
    strict: Strict = False,
    output: Output = "text",
) -> int:
    """Check whether this machine can become a control plane; all findings at once, each with its fix."""
    from bootstrap.config import Overrides
    from bootstrap.workflows.init import Request, decide
    from bootstrap.workflows.mode import enter

    if verb != "init":
        raise typer.BadParameter("init", param_hint="VERB")
    mode, host = enter()
    overrides = Overrides(
        apiserver_advertise_address=apiserver_advertise_address,
        apiserver_bind_port=apiserver_bind_port,
        cert_dir=cert_dir,
        cri_socket=cri_socket,
        node_name=node_name,
        pod_network_cidr=pod_network_cidr,
        service_cidr=service_cidr,
        ignore_preflight_errors=comma_separated(ignore_preflight_errors),
    )
    decision = decide(host, mode.name, Request(read_config(config, host), overrides, strict=strict))
    if output == "json":
        print(json.dumps(as_document(decision.preflight), indent=2))
    else:
        _show(decision.preflight)
    return Exit.PREFLIGHT if decision.preflight.errors else Exit.OK


def as_document(preflight: Any) -> dict[str, Any]:
    """`{ok, checks: [{name, result}], findings: [{name, message, fix, error}]}`."""
    return {
        "ok": not preflight.errors,
        "checks": [{"name": o.check.name, "result": o.verdict} for o in preflight.outcomes],
        "findings": [asdict(finding) for finding in preflight.findings],
    }


def _show(preflight: Any) -> None:
    """What is well in a few lines, then warnings, then errors."""
    found = {o.check.name for o in preflight.outcomes if o.findings}
    well = list(dict.fromkeys(o.check.name for o in preflight.outcomes if o.check.name not in found))
    first, *more = textwrap.wrap(", ".join(well), WIDTH, break_on_hyphens=False) or ["nothing"]
    say(first, "✓")
    for line in more:
        say(f"   {line}")
    for mark, findings in (("!", preflight.warnings), ("✗", preflight.errors)):
        for finding in findings:
            say(f"{finding.name}: {finding.message}", mark)
            say(f"     fix    {finding.fix}")
    say()
    say(_summary(preflight))
    if preflight.errors:
        names = ",".join(dict.fromkeys(finding.name for finding in preflight.errors))
        say(f"correct it, or go on at your own risk: --ignore-preflight-errors={names}")


def _summary(preflight: Any) -> str:
    return f"{preflight.count} checks: " + ", ".join(
        f"{len(findings)} {word}{'s' * (len(findings) != 1)}"
        for word, findings in (("error", preflight.errors), ("warning", preflight.warnings))
    )
