"""`bootstrap etcd`: snapshots of this machine's etcd, other data for it, and its space."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import DryRun, Output, absolute_path, seconds_of
from bootstrap.cli.flags.options import App
from bootstrap.cli.screens.confirm import confirm
from bootstrap.cli.screens.screen import say, show_json, wait_for_turn
from bootstrap.cli.screens.table import show_table
from bootstrap.model import names
from bootstrap.model.errors import Exit

app = App("etcd of this machine: snapshots, restoring, space.")
snapshot_app = App("Snapshots: taken, listed, looked at.")
app.add_typer(snapshot_app, name="snapshot")

YES = "--yes"
File = Annotated[str, typer.Argument(metavar="FILE", help="A snapshot on this machine.")]
AnyCluster = Annotated[
    bool, typer.Option("--any-cluster", help="Take one of another cluster, or without a note beside it.")
]
Yes = Annotated[bool, typer.Option("-y", YES, help="Do not ask.")]


@snapshot_app.command()
def save(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help=f"By default a new one in {names.SNAPSHOTS_DIR}.")] = "",
    keep: Annotated[
        int, typer.Option(metavar="COUNT", help="As the timer does: of those with its names the newest COUNT stay.")
    ] = 0,
    output: Output = "text",
) -> int:
    """Take a snapshot; it has its name only when it is whole, and a note beside it says of what it is."""
    from bootstrap.engine.etcd_snapshot import save as take
    from bootstrap.workflows.etcd.snapshots import scheduled
    from bootstrap.workflows.mode import enter

    if keep < 0 or (keep and file):
        raise typer.BadParameter("a number above 0, and no FILE: the names are the timer's", param_hint="--keep")
    now, host = datetime.now(UTC), enter()[1]
    if keep:
        path, made = scheduled(host, now, keep)
    else:
        path = absolute_path(file) or f"{names.SNAPSHOTS_DIR}/etcd-{now:%Y%m%d-%H%M%S}.db"
        made = take(host, path, now)
    if output == "json":
        print(json.dumps({"path": path, **asdict(made)}, indent=2))
    else:
        say(f"{path}: revision {made.revision}, {made.keys} keys, {_size(made.size)}", "✓")
    return Exit.OK


@snapshot_app.command("list")
def list_snapshots(
    directory: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where they are.")] = names.SNAPSHOTS_DIR,
    output: Output = "text",
) -> int:
    """The snapshots in a directory of this machine, and what their notes say."""
    from bootstrap.workflows.etcd.snapshots import listed
    from bootstrap.workflows.mode import look_on

    found = listed(look_on()[1], absolute_path(directory))
    if output == "json":
        document = [{"path": path, **(asdict(note) if note else {})} for path, note in found]
        print(json.dumps({"snapshots": document}, indent=2))
        return Exit.OK
    head = ("SNAPSHOT", "TAKEN", "REVISION", "KEYS", "SIZE", "ETCD")
    show_table((head, *(_row(path, note) for path, note in found)))
    return Exit.OK


@snapshot_app.command()
def status(file: File, any_cluster: AnyCluster = False, output: Output = "text") -> int:
    """Say whether a snapshot is whole and of this cluster: whether `restore` takes it."""
    from bootstrap.workflows.etcd.snapshots import checked
    from bootstrap.workflows.mode import enter

    note = checked(enter()[1], absolute_path(file), any_cluster=any_cluster)
    if output == "json":
        print(json.dumps({"path": absolute_path(file), "whole": True, **(asdict(note) if note else {})}, indent=2))
        return Exit.OK
    say(f"{file} can be restored" + (f": revision {note.revision}, taken {note.taken}" if note else ""), "✓")
    return Exit.OK


@app.command()
def restore(
    file: File,
    initial_cluster: Annotated[
        str, typer.Option(metavar="NAME=URL,…", help="All members, when several are restored at the same time.")
    ] = "",
    any_cluster: AnyCluster = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Give this machine's etcd the data of a snapshot; what it has now goes back if that does not work."""
    from bootstrap.workflows.etcd.restore import decide_restore

    return _replace(
        lambda host: decide_restore(host, absolute_path(file), initial_cluster, any_cluster=any_cluster),
        "etcd restore", yes=yes, dry_run=dry_run, output=output,
    )  # fmt: skip


@app.command()
def recover(yes: Yes = False, dry_run: DryRun = False, output: Output = "text") -> int:
    """Go on with this machine's etcd member alone, when too few of the others ever come back."""
    from bootstrap.workflows.etcd.restore import decide_recovery

    return _replace(
        lambda host: decide_recovery(host, datetime.now(UTC)), "etcd recover", yes=yes, dry_run=dry_run, output=output
    )


@app.command()
def defrag(output: Output = "text") -> int:
    """Give unused space of the database back to the disk; one that had reached its quota takes writes again."""
    from bootstrap.workflows.etcd.defrag import defragment
    from bootstrap.workflows.mode import enter

    done = defragment(enter()[1])
    if output == "json":
        print(json.dumps(asdict(done), indent=2))
        return Exit.OK
    say(f"etcd's database: {_size(done.before)}, now {_size(done.after)}", "✓")
    if done.freed:
        say("its quota was reached; it takes writes again", "✓")
    return Exit.OK


@app.command("rotate-encryption-key")
def rotate_encryption_key(
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for other control planes.")
    ] = "10m",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Encrypt all Secrets with another key; a run that ended early is run again. On each control plane."""
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.api_access import administrator
    from bootstrap.workflows.etcd.rotate_key import decide, rotate
    from bootstrap.workflows.mode import enter

    seconds, (_, host) = seconds_of(timeout, "--timeout"), enter()

    def connect(endpoint: str) -> Any:
        return administrator(host, server=f"https://{endpoint}")

    with alone(host, wait_for_turn):
        what, text = decide(host, connect), output == "text"
        if dry_run:
            for line in what.lines if text else ():
                say(f"  {line}")
            return _end({"would": list(what.lines)}, output)
        count = rotate(host, what, connect, seconds, say if text else _silent)
    if text:
        say(f"snapshots from before need {what.rotation.old}, which is not here any more")
    return _end({"key": what.rotation.new, "secrets": count, "run": list(what.others)}, output)


def _silent(line: str, mark: str) -> None:
    """For who reads JSON."""


def _replace(decide: Callable[[Any], Any], command: str, *, yes: bool, dry_run: bool, output: str) -> int:
    from bootstrap.engine.turn import alone
    from bootstrap.workflows.etcd.restore import restore as replace
    from bootstrap.workflows.mode import enter

    _, host = enter()
    with alone(host, wait_for_turn):
        what, text = decide(host), output == "text"
        if text or not (yes or dry_run):
            for line in what.lines:
                say(f"  {line}")
        if dry_run:
            return _end({"would": list(what.lines)}, output)
        if not yes:
            confirm("Do this?", command, YES)
        kept = replace(host, what, datetime.now(UTC), (lambda line: say(line, "✓")) if text else lambda line: None)
    if text and kept:
        say(f"the data from before is in {kept}; remove it when all is well")
    return _end({"members": what.cluster, "before": kept}, output)


def _end(document: dict[str, Any], output: str) -> int:
    if output == "json":
        show_json(document)
    return Exit.OK


def _row(path: str, note: Any) -> tuple[str, ...]:
    if note is None:
        return (path, "<no note>", "", "", "", "")
    return (path, note.taken, str(note.revision), str(note.keys), _size(note.size), note.version)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
