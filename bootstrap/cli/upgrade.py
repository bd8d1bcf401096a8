"""`bootstrap upgrade`: another version for a cluster, and the way back."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import (
    TRUTHS,
    ConfigFile,
    DryRun,
    Output,
    absolute_path,
    comma_separated,
    read_config,
    seconds_of,
)
from bootstrap.cli.flags.options import App, one_of
from bootstrap.cli.screens.confirm import confirm
from bootstrap.cli.screens.plan import show_plan
from bootstrap.cli.screens.screen import Progress, say, show_json, show_preflight, show_remarks, silent, wait_for_turn
from bootstrap.cli.screens.table import show_table
from bootstrap.host.program import manifests
from bootstrap.model.errors import Exit
from bootstrap.preflight.mode import HOST

app = App("Bring a cluster to the Kubernetes version of this image, and back.")
YES = "--yes"
Yes = Annotated[bool, typer.Option("-y", YES, help="Do not ask.")]


def switch(help: str) -> Any:
    """One that is on unless it is given `=false`, as kubeadm has it."""
    return typer.Option(metavar="|".join(TRUTHS), help=help, callback=one_of("", *TRUTHS))


Version = Annotated[str, typer.Argument(metavar="[VERSION]", help="The one that this image carries.")]
Ignored = Annotated[str | None, typer.Option(metavar="CHECK,…", help="Checks whose errors are warnings, or all.")]
Experimental = Annotated[bool, typer.Option(help="Take an alpha or a beta.")]
ReleaseCandidate = Annotated[bool, typer.Option(help="Take a release candidate.")]
PrintConfig = Annotated[bool, typer.Option(help="Show the configuration of the new version.")]
Kubeconfig = Annotated[
    str, typer.Option(metavar="FILE", help="Who asks the cluster how it is.", callback=absolute_path)
]

Renewal = Annotated[str, switch("Renew the certificates of this machine: true.")]
EtcdUpgrade = Annotated[str, switch("Upgrade the etcd of this machine: true.")]
Patches = Annotated[
    str, typer.Option(metavar="DIRECTORY", help="Patches, named as kubeadm has it.", callback=absolute_path)
]
Skipped = Annotated[str | None, typer.Option(metavar="PHASE,…", help="Phases to leave out.")]
Drain = Annotated[bool, typer.Option("--drain", help="Evict the node's Pods first, as far as budgets allow.")]
DrainTimeout = Annotated[str, typer.Option(help="How long that may take.", metavar="DURATION")]


@app.command()
def apply(
    version: Version = "",
    config: ConfigFile = None,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Do not ask, and go on against rules that can be skipped.")
    ] = False,
    certificate_renewal: Renewal = "",
    etcd_upgrade: EtcdUpgrade = "",
    patches: Patches = "",
    ignore_preflight_errors: Ignored = None,
    skip_phases: Skipped = None,
    allow_experimental_upgrades: Experimental = False,
    allow_release_candidate_upgrades: ReleaseCandidate = False,
    print_config: PrintConfig = False,
    drain: Drain = False,
    drain_timeout: DrainTimeout = "5m",
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Upgrade the control plane of this machine, its kubelet and the add-ons; what does not come up goes back."""
    from bootstrap.workflows.mode import enter
    from bootstrap.workflows.upgrade.apply import decide

    mode, host = enter()
    options = options_of(
        "apply",
        read_config(config, host),
        version=version or None,
        pre_releases=allow_experimental_upgrades or allow_release_candidate_upgrades or None,
        renewal=truth(certificate_renewal),
        etcd=truth(etcd_upgrade),
        force=force or None,
        dry_run=dry_run or None,
        print_config=print_config or None,
        patches=patches or None,
        ignored=comma_separated(ignore_preflight_errors),
        skipped=comma_separated(skip_phases),
        drain=drained(drain_timeout, wanted=drain),
    )
    return run(mode, host, options, decide, "apply", kubeconfig, ask=not (yes or options.force), output=output)


def options_of(part: str, text: bytes | None, **flags: Any) -> Any:
    """Of UpgradeConfiguration, and above it flags; one that was not given is None."""
    from bootstrap.config import Documents, load
    from bootstrap.config.upgrade import upgrade_options

    return upgrade_options(Documents() if text is None else load(text), part, **flags)


def drained(timeout: str, *, wanted: bool) -> float | None:
    """Seconds that Pods have to leave; None where they stay. Raises BootstrapError (exit 2)."""
    allowed = seconds_of(timeout, "--drain-timeout")
    return allowed if wanted else None


def truth(word: str) -> bool | None:
    return word == "true" if word else None


def run(mode: Any, host: Any, options: Any, decide: Any, verb: str, kubeconfig: str, *, ask: bool, output: str) -> int:
    """`apply` or `node`, by who decides."""
    from bootstrap.engine.turn import alone

    if options.dry_run:
        return _run(mode, host, options, decide, verb, kubeconfig, ask=False, output=output)
    with alone(host, wait_for_turn):
        return _run(mode, host, options, decide, verb, kubeconfig, ask=ask, output=output)


def _run(mode: Any, host: Any, options: Any, decide: Any, verb: str, kubeconfig: str, *, ask: bool, output: str) -> int:
    from bootstrap.workflows.api_access import api_reader, own
    from bootstrap.workflows.upgrade import apply as workflow

    began, text = time.monotonic(), output == "text"
    decision = decide(host, mode.name, options, kubeconfig, datetime.now(UTC))
    if text:
        show_preflight(decision, mode, time.monotonic() - began)
    decision.preflight.raise_errors()
    plan = workflow.make_plan(host, decision, manifests(), datetime.now(UTC), options)
    if text:
        show_remarks(plan)
        if options.print_config:
            print(workflow.configuration(decision))
    if options.dry_run:
        return show_plan(plan, host, api_reader(own(host, decision.cfg)), output)
    if text or ask:
        for line in decision.lines:
            say(f"  {line}")
    if ask:
        confirm("Upgrade?", f"upgrade {verb}", YES)
    back = partial(_going_back, decision.backup.before, text=text)
    done = workflow.act(host, decision, plan, manifests(), Progress(plan) if text else silent, back)
    seconds = time.monotonic() - began
    if not text:
        shown = {"from": decision.backup.before, "to": decision.backup.after, "backup": decision.backup.name}
        show_json({**shown, "seconds": seconds, "steps": [asdict(timing) for timing in done]})
        return Exit.OK
    what = f"node {decision.cfg.node.name}" if verb == "node" else "Kubernetes"
    say(f"\n{what} is at {decision.backup.after}: {seconds:.1f} s")
    if mode.name == HOST:
        say("\n  go back     bootstrap upgrade rollback")
    return Exit.OK


def _going_back(version: str, plan: Any, *, text: bool) -> Any:
    say(f"going back to {version}", "!", error=True)
    return Progress(plan) if text else silent


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A backup; that of the last upgrade by default.")] = "",
    list_them: Annotated[bool, typer.Option("--list", help="Only show the backups that are here.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Go back to what an upgrade of this machine has replaced, as long as its backup is there."""
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.api_access import api_reader, own
    from bootstrap.workflows.mode import enter
    from bootstrap.workflows.upgrade import rollback as workflow

    mode, host = enter()
    if list_them:
        return _listed(host, output)
    with alone(host, wait_for_turn):
        back, text = workflow.decide_rollback(host, mode.name, name, manifests()), output == "text"
        if dry_run:
            return show_plan(back.plan, host, api_reader(own(host, back.observed.cfg)), output)
        if text or not yes:
            say(f"  Kubernetes {back.backup.after} → {back.backup.before}: what {back.backup.directory} has")
        if not yes:
            confirm("Go back?", "upgrade rollback", YES)
        workflow.act_rollback(host, back, Progress(back.plan) if text else silent)
    if text:
        say(f"Kubernetes is at {back.backup.before} again", "✓")
    else:
        show_json({"from": back.backup.after, "to": back.backup.before, "backup": back.backup.name})
    return Exit.OK


def _listed(host: Any, output: str) -> int:
    from bootstrap.engine.effects.backups import backups

    found = backups(host)
    if output == "json":
        print(json.dumps({"backups": [{**asdict(b), "directory": b.directory} for b in found]}, indent=2))
        return Exit.OK
    rows = ((b.name, b.before, b.after, b.taken, b.state) for b in found)
    show_table((("BACKUP", "FROM", "TO", "TAKEN", "STATE"), *rows))
    return Exit.OK
