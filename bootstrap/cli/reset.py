"""`bootstrap reset`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import EVENTS, Output, seconds_of
from bootstrap.cli.flags.options import option
from bootstrap.cli.screens.confirm import confirm
from bootstrap.cli.screens.reports import ON_SCREEN, STREAM, reporting, shown
from bootstrap.cli.screens.screen import Progress, say, show_json, silent, wait_for_turn
from bootstrap.engine.records import Comparison
from bootstrap.model import names
from bootstrap.model.errors import Exit
from bootstrap.model.events import Unanswered

FORCE = "--force"


def reset(
    force: Annotated[bool, typer.Option("-f", FORCE, "--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be undone and change nothing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare this machine with the state before init.")
    ] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Forget that state even if something differs.")] = False,
    cert_dir: Annotated[str, typer.Option(help="Certificates of a node that kubeadm made.")] = names.PKI_DIR,
    drain: Annotated[
        bool, typer.Option("--drain", help="Evict the node's Pods first, as far as budgets allow.")
    ] = False,
    drain_timeout: Annotated[str, typer.Option(help="How long that may take.", metavar="DURATION")] = "5m",
    break_quorum: Annotated[
        bool, typer.Option("--break-quorum", help="Go on even if the etcd members that stay are too few.")
    ] = False,
    kubeconfig: Annotated[
        str, typer.Option(help="Of an administrator, where none is here: drains and deletes the node.", metavar="FILE")
    ] = "",
    cri_socket: Annotated[str, typer.Option(help="CRI socket of a node that kubeadm made.")] = "",
    cleanup_tmp_dir: Annotated[
        bool, typer.Option("--cleanup-tmp-dir", help="Empty /etc/kubernetes/tmp of a node that kubeadm made.")
    ] = False,
    events: Annotated[str | None, option(EVENTS)] = None,
    output: Output = "text",
) -> int:
    """Leave the cluster, undo everything that init or join did to this machine, and prove it."""
    from bootstrap.engine.journal import sweep
    from bootstrap.engine.turn import alone
    from bootstrap.workflows import reset as workflow
    from bootstrap.workflows.leaving import Leave
    from bootstrap.workflows.mode import enter

    leave = Leave(drain, seconds_of(drain_timeout, "--drain-timeout"), break_quorum, kubeconfig)
    mode, host = enter()
    request = workflow.ResetRequest(cert_dir, cri_socket, cleanup_tmp_dir, leave)
    output = shown(output, events)
    if not (output or force or verify or dry_run):
        raise typer.BadParameter(f"asks on standard output; take {FORCE} as well", param_hint=f"{STREAM} {ON_SCREEN}")
    with reporting("reset", host, events) as reports, alone(host, wait_for_turn):
        if verify:
            return reports.ends(_verify(host, output, purge=purge, more={}))
        if not dry_run:
            sweep(host)
        decision = workflow.decide_reset(host, mode.name, request)
        for line in (*unused(request, foreign=decision.foreign), *decision.leaving.remarks):
            say(line, "!", error=True)
        if dry_run or not force:
            _show(decision, host, output)
        if dry_run:
            return Exit.OK
        if not force:
            confirm("Undo all this?", "reset", FORCE)
        reports.planned(decision.plan)
        listen = Progress(decision.plan) if output == "text" else silent
        done = workflow.act_reset(host, decision, reports.beside(listen))
        if decision.foreign and output == "text":
            say("what kubeadm reset would remove is gone; CNI files and packet filter rules of others were left alone")
        left = decision.leaving.by_hand
        unanswered = [change for timing in done for change in timing.changed if isinstance(change, Unanswered)]
        more = {"warnings": unanswered, "next": [left] if left else []}
        code = _verify(host, output, purge=purge, more=more) if decision.journal else _unproven(output, more)
        if left and output == "text":
            say(f"the cluster still has the node: {left}   (on a control plane)", "!")
        return reports.ends(code)


def _unproven(output: str, more: Mapping[str, Any]) -> int:
    """A node of which no journal says how the machine was before."""
    if output == "json":
        show_json({**asdict(Comparison()), **more})
    return Exit.OK


def unused(request: Any, *, foreign: bool) -> list[str]:
    """Flags that were given and change nothing here."""
    from bootstrap.workflows.leaving import Leave

    given = {"--cert-dir": request.cert_dir != names.PKI_DIR, "--cleanup-tmp-dir": request.cleanup_tmp_dir}
    why = "is for a node that kubeadm made; of this one its record says what there is"
    named = [f"{flag} {why}" for flag, there in given.items() if there and not foreign]
    late = request.leave.drain_timeout != Leave().drain_timeout and not request.leave.drain
    return [*named, *(["--drain-timeout is for --drain"] if late else [])]


def _show(decision: Any, host: Any, output: str) -> None:
    from bootstrap.engine.preview import preview
    from bootstrap.workflows.api_access import api_reader

    steps = preview(decision.plan, host, api_reader(decision.leaving.connect))
    if output == "json":
        show_json({"steps": [asdict(step) for step in steps], "remarks": decision.leaving.remarks})
        return
    if not output:
        return
    if decision.foreign:
        say("bootstrap did not make this node: reset does what kubeadm reset does", "!")
    for step in steps:
        for effect in step.effects:
            if effect.is_change:
                say(f"  {effect.what}")
                for line in effect.diff:
                    say(f"    {line}")


def _verify(host: Any, output: str, *, purge: bool, more: Mapping[str, Any]) -> int:
    """`more` is what JSON says besides."""
    from bootstrap.workflows.reset import forget, verify_reset

    found = verify_reset(host)
    if not found.left or purge:
        forget(host)
    if output == "json":
        show_json({**asdict(found), **more})
    elif output:
        for line in found.others:
            say(f"  {line}", "!")
        for line in found.left:
            say(f"  still here: {line}", "✗")
        say(
            "this machine is not as it was" if found.left else "this machine is as it was before init",
            "" if found.left else "✓",
        )
    return Exit.EFFECT if found.left and not purge else Exit.OK
