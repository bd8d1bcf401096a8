"""`bootstrap upgrade`: another version for a cluster, and the way back."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import DryRun, Output, absolute_path, comma_separated
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.confirm import confirm
from bootstrap.cli.screens.plan import show_plan
from bootstrap.cli.screens.screen import Progress, say, show_json, show_preflight, show_remarks, silent, wait_for_turn
from bootstrap.cli.screens.table import show_table
from bootstrap.host.program import manifests
from bootstrap.model.errors import Exit

app = App("Bring a cluster to the Kubernetes version of this image, and back.")
YES = "--yes"
Yes = Annotated[bool, typer.Option("-y", YES, help="Do not ask.")]
Ignored = Annotated[
    str | None,
    typer.Option("--ignore-preflight-errors", metavar="CHECK,…", help="Checks whose errors are warnings, or all."),
]


@app.command()
def apply(
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="The one that this image carries.")] = "",
    yes: Yes = False,
    force: Annotated[bool, typer.Option("-f", "--force", help="Do not ask.")] = False,
    certificate_renewal: Annotated[bool, typer.Option(help="Renew the certificates of this machine.")] = True,
    patches: Annotated[
        str,
        typer.Option(
            metavar="DIRECTORY", help="Directory of patches, named as kubeadm has it.", callback=absolute_path
        ),
    ] = "",
    ignore_preflight_errors: Ignored = None,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Upgrade the control plane of this machine, its kubelet and the add-ons; what does not come up goes back."""
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.mode import enter
    from bootstrap.workflows.upgrade import apply as workflow

    mode, host = enter()
    request = workflow.UpgradeRequest(
        version, patches, certificate_renewal, comma_separated(ignore_preflight_errors) or ()
    )
    if dry_run:
        return _apply(mode, host, request, ask=False, dry_run=True, output=output)
    with alone(host, wait_for_turn):
        return _apply(mode, host, request, ask=not (yes or force), dry_run=False, output=output)


def _apply(mode: Any, host: Any, request: Any, *, ask: bool, dry_run: bool, output: str) -> int:
    from bootstrap.workflows.api_access import api_reader, super_admin
    from bootstrap.workflows.upgrade import apply as workflow

    began, text = time.monotonic(), output == "text"
    decision = workflow.decide(host, mode.name, request, datetime.now(UTC))
    if text:
        show_preflight(decision, mode, time.monotonic() - began)
    decision.preflight.raise_errors()
    plan = workflow.make_plan(host, decision, manifests(), datetime.now(UTC), request)
    if text:
        show_remarks(plan)
    if dry_run:
        return show_plan(plan, host, api_reader(super_admin(host, decision.cfg)), output)
    if text or ask:
        for line in decision.lines:
            say(f"  {line}")
    if ask:
        confirm("Upgrade?", "upgrade apply", YES)
    back = partial(_going_back, decision.backup.before, text=text)
    done = workflow.act(host, decision, plan, manifests(), Progress(plan) if text else silent, back)
    seconds = time.monotonic() - began
    if not text:
        show_json({"from": decision.backup.before, "to": decision.backup.after, "backup": decision.backup.name,
                   "seconds": seconds, "steps": [asdict(timing) for timing in done]})  # fmt: skip
        return Exit.OK
    say(f"\nKubernetes is at {decision.backup.after}: {seconds:.1f} s")
    say("  go back    bootstrap upgrade rollback")
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
    from bootstrap.workflows.api_access import api_reader, super_admin
    from bootstrap.workflows.mode import enter
    from bootstrap.workflows.upgrade import rollback as workflow

    mode, host = enter()
    if list_them:
        return _listed(host, output)
    with alone(host, wait_for_turn):
        back, text = workflow.decide_rollback(host, mode.name, name, manifests()), output == "text"
        if dry_run:
            return show_plan(back.plan, host, api_reader(super_admin(host, back.observed.cfg)), output)
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
