"""The rest of a cluster's life: images in, logs out, rest and return, nodes more and less."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import Annotated, Any

import typer

from bootstrap.cli.cluster import Name, app, engine_of_clusters, unheard
from bootstrap.cli.flags.inputs import Output, seconds_of
from bootstrap.cli.screens.nodes import Nodes
from bootstrap.cli.screens.screen import say
from bootstrap.model.cluster_shape import CONTROL_PLANE, DEFAULT_NAME, WORKER
from bootstrap.model.errors import Exit

Timeout = Annotated[str, typer.Option(metavar="DURATION", help="How long all of it may take.")]
STANDARD = "-"
__all__ = ["app"]


@app.command()
def load(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE|-...", help="Of the engine; - is an archive on stdin.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the cluster.")] = DEFAULT_NAME,
    output: Output = "text",
) -> int:
    """Bring images into all nodes, side by side; nodes that have one are left alone."""
    from bootstrap.workflows.cluster.life import running_nodes
    from bootstrap.workflows.cluster.load import load as bring

    engine = engine_of_clusters()
    loaded = bring(engine, running_nodes(engine, name), images)
    if output == "json":
        print(json.dumps({"loaded": loaded}, indent=2))
        return Exit.OK
    for image, nodes in loaded.items():
        say(f"{image}: {', '.join(nodes) or 'all nodes have it'}", "✓")
    return Exit.OK


@app.command()
def logs(
    name: Name = DEFAULT_NAME,
    folder: Annotated[
        str, typer.Option("--to", metavar="DIR|-", help="A folder to fill; - writes a tar to standard output.")
    ] = STANDARD,
    output: Output = "text",
) -> int:
    """Everything that says what happened: journals, containers' logs, manifests, events, diagnosis; a folder a node."""
    from bootstrap.host.docker.files import packed
    from bootstrap.host.fs.given import write_below
    from bootstrap.workflows.cluster.life import containers_of
    from bootstrap.workflows.cluster.logs import collect

    if folder == STANDARD and (output == "json" or sys.stdout.isatty()):
        raise typer.BadParameter("a folder is needed, or a pipe for the tar", param_hint="--to")
    engine = engine_of_clusters()
    files = collect(engine, containers_of(engine, name))
    if folder == STANDARD:
        sys.stdout.buffer.write(packed(dict(files)))
        return Exit.OK
    written = []
    for path, content in files:
        write_below(folder, path, content)
        written.append(path)
    print(json.dumps({"files": written}, indent=2) if output == "json" else f"{len(written)} files in {folder}")
    return Exit.OK


@app.command()
def stop(name: Name = DEFAULT_NAME, output: Output = "text") -> int:
    """Stop all containers of a cluster; nothing is lost."""
    from bootstrap.workflows.cluster.life import containers_of
    from bootstrap.workflows.cluster.power import stop as rest

    engine = engine_of_clusters()
    stopped = rest(engine, containers_of(engine, name))
    if output == "json":
        print(json.dumps({"stopped": stopped}, indent=2))
    else:
        say(f"stopped: {', '.join(stopped) or 'nothing ran'}", "✓")
    return Exit.OK


@app.command()
def start(name: Name = DEFAULT_NAME, timeout: Timeout = "5m", output: Output = "text") -> int:
    """Start a cluster that was stopped, and wait until its nodes are well."""
    from bootstrap.workflows.cluster.life import containers_of
    from bootstrap.workflows.cluster.power import start as go_on

    began, engine = time.monotonic(), engine_of_clusters()
    found = containers_of(engine, name)
    roles = {one.name: one.role for one in found if one.is_node}
    run = partial(go_on, engine, found, seconds_of(timeout, "--timeout"))
    seconds = _watched(run, roles, output)
    return _finished(f"{name} is up again", seconds, began, output)


@app.command()
def add(
    name: Name = DEFAULT_NAME,
    control_planes: Annotated[int, typer.Option(min=0, metavar="N", help="Control planes to add.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Workers to add; 1 if nothing is said.")
    ] = None,
    timeout: Timeout = "5m",
    output: Output = "text",
) -> int:
    """Add nodes to a cluster that runs."""
    from bootstrap.workflows.cluster.grow import add as grow
    from bootstrap.workflows.cluster.life import containers_of

    count = (0 if control_planes else 1) if workers is None else workers
    wanted = [CONTROL_PLANE] * control_planes + [WORKER] * count
    if not wanted:
        raise typer.BadParameter("nothing is to be added", param_hint="--workers")
    began, engine = time.monotonic(), engine_of_clusters()
    found = containers_of(engine, name)
    run = partial(grow, engine, found, wanted, seconds_of(timeout, "--timeout"))
    return _finished(f"{name} has {len(wanted)} more", _watched(run, {}, output), began, output)


@app.command()
def remove(
    nodes: Annotated[list[str], typer.Argument(metavar="NODE...", help="Full names, as `cluster nodes` shows them.")],
    output: Output = "text",
) -> int:
    """Take nodes out of their cluster, with their containers and volumes."""
    from bootstrap.workflows.cluster.grow import remove as shrink

    shrink(engine_of_clusters(), nodes)
    print(json.dumps({"removed": nodes}, indent=2) if output == "json" else f"removed: {', '.join(nodes)}")
    return Exit.OK


def _watched(run: Any, roles: dict[str, str], output: str) -> dict[str, float]:
    if output == "json":
        return dict(run(unheard))
    screen = Nodes(roles, time.monotonic())
    try:
        return dict(run(screen))
    finally:
        screen.over()


def _finished(what: str, seconds: dict[str, float], began: float, output: str) -> int:
    took = time.monotonic() - began
    if output == "json":
        print(json.dumps({"seconds": took, "nodes": seconds}, indent=2))
    else:
        say(f"\n{what} after {took:.1f} s: {', '.join(seconds) or 'all nodes ran'}")
    return Exit.OK
