"""`bootstrap cluster upgrade`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

from bootstrap.cli.cluster import Name, engine_of_clusters, unheard
from bootstrap.cli.cluster_life import app
from bootstrap.cli.flags.inputs import Output, seconds_of
from bootstrap.cli.screens.nodes import Nodes
from bootstrap.cli.screens.screen import say
from bootstrap.model.cluster_shape import DEFAULT_NAME
from bootstrap.model.errors import Exit

__all__ = ["app"]


@app.command()
def upgrade(
    name: Name = DEFAULT_NAME,
    image: Annotated[str, typer.Option(metavar="IMAGE", help="Of the engine; the command's own by default.")] = "",
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long a node may take.")] = "5m",
    drain_timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the Pods of a worker may take to leave it.")
    ] = "5m",
    output: Output = "text",
) -> int:
    """Bring all nodes onto another image, with what they have: one after the other, control planes first."""
    from bootstrap.workflows.cluster.life import containers_of
    from bootstrap.workflows.cluster.upgrade import UpgradeRequest
    from bootstrap.workflows.cluster.upgrade import upgrade as go_on

    began, engine = time.monotonic(), engine_of_clusters()
    roles = {one.name: one.role for one in containers_of(engine, name) if one.is_node}
    request = UpgradeRequest(image, seconds_of(timeout, "--timeout"), seconds_of(drain_timeout, "--drain-timeout"))
    screen = Nodes(roles, began) if output == "text" else None
    try:
        done = go_on(engine, name, request, screen or unheard)
    finally:
        if screen:
            screen.over()
    seconds = time.monotonic() - began
    if output == "json":
        print(json.dumps({"cluster": name, **asdict(done), "took": seconds}, indent=2))
    elif done.seconds:
        say(f"\n{name} is at {done.after}: {seconds:.1f} s")
    else:
        say(f"{name} has that image already", "✓")
    return Exit.OK
