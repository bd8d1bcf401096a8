"""`bootstrap reset`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import Output
from bootstrap.cli.screens.screen import Progress, say, show_json, wait_for_turn
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

FORCE = "--force"


def reset(
    force: Annotated[bool, typer.Option("-f", FORCE, "--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be undone and change nothing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare this machine with the state before init.")
    ] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Forget that state even if something differs.")] = False,
    cert_dir: Annotated[str, typer.Option(help="Certificates of a node that kubeadm made.")] = names.PKI_DIR,
    kubeconfig: Annotated[str, typer.Option(help="Taken for kubeadm's sake; no cluster is asked.")] = "",
    cri_socket: Annotated[str, typer.Option(help="CRI socket of a node that kubeadm made.")] = "",
    cleanup_tmp_dir: Annotated[
        bool, typer.Option("--cleanup-tmp-dir", help="Empty /etc/kubernetes/tmp of a node that kubeadm made.")
    ] = False,
    output: Output = "text",
) -> int:
    """Undo everything that init did to this machine, and prove it."""
    from bootstrap.engine.journal import sweep
    from bootstrap.engine.turn import alone
    from bootstrap.workflows import reset as workflow
    from bootstrap.workflows.mode import enter

    mode, host = enter()
    request = workflow.ResetRequest(cert_dir, cri_socket, cleanup_tmp_dir)
    with alone(host, wait_for_turn):
        if verify:
            return _verify(host, output, purge=purge)
        if not dry_run:
            sweep(host)
        decision = workflow.decide_reset(host, mode.name, request)
        for line in unused(request, kubeconfig, foreign=decision.foreign):
            say(line, "!", error=True)
        if dry_run or not force:
            _show(decision, host, output)
        if dry_run:
            return Exit.OK
        _confirm(force=force)
        quiet = output == "json"
        workflow.act_reset(host, decision, (lambda event: None) if quiet else Progress(decision.plan))
        if decision.foreign and not quiet:
            say("what kubeadm reset would remove is gone; CNI files and packet filter rules of others were left alone")
        return _verify(host, output, purge=purge) if decision.journal else Exit.OK


def unused(request: Any, kubeconfig: str, *, foreign: bool) -> list[str]:
    """Flags that were given and change nothing here."""
    lines = ["--kubeconfig: no cluster is asked"] if kubeconfig else []
    given = {"--cert-dir": request.cert_dir != names.PKI_DIR, "--cleanup-tmp-dir": request.cleanup_tmp_dir}
    why = "is for a node that kubeadm made; of this one its record says what there is"
    return lines + [f"{flag} {why}" for flag, there in given.items() if there and not foreign]


def _show(decision: Any, host: Any, output: str) -> None:
    from bootstrap.engine.preview import preview

    steps = preview(decision.plan, host)
    if output == "json":
        show_json({"steps": [asdict(step) for step in steps]})
        return
    if decision.foreign:
        say("bootstrap did not make this node: reset does what kubeadm reset does", "!")
    for step in steps:
        for effect in step.effects:
            if effect.is_change:
                say(f"  {effect.what}")


def _confirm(*, force: bool) -> None:
    if force:
        return
    if not sys.stdin.isatty():
        raise BootstrapError(
            "reset asks before it removes anything, and there is no terminal to answer on",
            code=Exit.USAGE,
            fix=f"bootstrap reset {FORCE}, or run the container with -it",
        )
    if typer.prompt("Undo all this? [y/N]", default="n", show_default=False).strip().lower() not in ("y", "yes"):
        raise BootstrapError(
            "nothing was changed: the answer was not yes",
            code=Exit.INTERRUPTED,
            fix="bootstrap reset asks again; --dry-run only shows what it would undo",
        )


def _verify(host: Any, output: str, *, purge: bool) -> int:
    from bootstrap.workflows.reset import forget, verify_reset

    found = verify_reset(host)
    if not found.left or purge:
        forget(host)
    if output == "json":
        show_json(asdict(found))
    else:
        for line in found.others:
            say(f"  {line}", "!")
        for line in found.left:
            say(f"  still here: {line}", "✗")
        say(
            "this machine is not as it was" if found.left else "this machine is as it was before init",
            "" if found.left else "✓",
        )
    return Exit.EFFECT if found.left and not purge else Exit.OK
