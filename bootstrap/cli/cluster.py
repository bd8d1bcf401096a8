"""`bootstrap cluster`: throwaway clusters of containers in a Docker engine."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.inputs import EVENTS, TIMINGS, DryRun, Output, read_config, seconds_of
from bootstrap.cli.flags.options import App, one_of, option
from bootstrap.cli.screens.documents import show_yaml
from bootstrap.cli.screens.nodes import Nodes
from bootstrap.cli.screens.reports import ON_SCREEN, Reports, reporting, shown
from bootstrap.cli.screens.screen import say, show_timings
from bootstrap.cli.screens.table import show_table
from bootstrap.model.addon import LOAD_BALANCERS, STORAGES
from bootstrap.model.cluster_shape import DEFAULT_NAME
from bootstrap.model.errors import Exit
from bootstrap.model.names import HIGHEST_PORT

app = App("Throwaway clusters of containers, in the Docker engine whose socket is mounted.")

Name = Annotated[str, typer.Argument(metavar="[NAME]", help="Of the cluster.")]


@app.command()
def create(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help=f"Of the cluster; {DEFAULT_NAME}.")] = None,
    control_planes: Annotated[int | None, typer.Option(min=1, metavar="N", help="Control planes; 1.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, metavar="N", help="Workers beside them; 0.")] = None,
    publish: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--publish",
            metavar="[HOST:]PORT[@NODE]",
            help="A node's port on the engine's host, as docker has it; of the first control plane. Repeatable.",
        ),
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:NODE[:ro][@NODE]", help="A path of the engine's host in every node. Repeatable."),
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="A Docker network that is there; one of its own by default.")
    ] = None,
    api_port: Annotated[
        int | None, typer.Option(min=1, max=HIGHEST_PORT, metavar="PORT", help="Of the API on the engine's host.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(STORAGES),
            help="Default StorageClass; local-path, whose volumes are folders of the nodes.",
            callback=one_of(*STORAGES),
        ),
    ] = None,
    load_balancer: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(LOAD_BALANCERS),
            help="Who gives LoadBalancer Services an address; metallb, in the cluster's own network.",
            callback=one_of(*LOAD_BALANCERS),
        ),
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="A Cluster as kind has it, or ours; - is standard input.")
    ] = None,
    wait: Annotated[
        str, typer.Option(metavar="api|node|dns", help="How far to wait.", callback=one_of("api", "node", "dns"))
    ] = "dns",
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long all of it may take.")] = "5m",
    retain: Annotated[bool, typer.Option("--retain", help="Keep what failed for a look.")] = False,
    events: Annotated[str | None, option(EVENTS)] = None,
    timings: Annotated[str | None, option(TIMINGS)] = None,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Make a cluster: every node is a container of this image, in a network of its own."""
    from bootstrap.clusters.flags import Given, shaped
    from bootstrap.workflows.cluster.create import CreateRequest, preview
    from bootstrap.workflows.cluster.reach import for_engine
    from bootstrap.workflows.mode import look_on

    output = shown(output, events)
    given = Given(name, control_planes, workers, publish or (), mount or (), network, api_port, storage, load_balancer)
    request = CreateRequest(for_engine(shaped(_written(config), given)), wait, seconds_of(timeout, "--timeout"), retain)
    if dry_run:
        return _show_plan(preview(request)[1], output)
    with reporting("cluster create", look_on()[1], events, timings) as reports:
        return _make(request, reports, output, tells=bool(events or timings), table=timings == ON_SCREEN)


def _make(request: Any, reports: Reports, output: str, *, tells: bool, table: bool) -> int:
    from bootstrap.clusters.naming import node_names
    from bootstrap.workflows.cluster.create import create as make

    began, text, engine = time.monotonic(), output == "text", engine_of_clusters()
    nodes = request.shape.nodes
    roles = dict(zip(node_names(request.shape.name, nodes), (node.role for node in nodes), strict=True))
    if text:
        say(f"{request.shape.name}: {len(nodes)} node{'s' * (len(nodes) > 1)}")
    screen = Nodes(roles, began) if text else None
    try:
        tell = reports.hand_on if tells else None
        made = make(engine, request, screen or unheard, began, tell)
    finally:
        if screen:
            screen.over()
    seconds, changed = time.monotonic() - began, _merge(engine, request.shape.name)
    if output == "json":
        rows = [
            {"name": one.name, "role": one.role, "address": one.address, "seconds": made.seconds.get(one.name)}
            for one in made.containers
        ]
        result = {"cluster": request.shape.name, "api": made.api, "seconds": seconds, "nodes": rows}
        print(json.dumps({**result, "kubeconfig": changed}, indent=2))
    if not text:
        return Exit.OK
    for lane in reports.lanes if table else ():
        say(f"\n{lane.node}")
        show_timings(lane.timings)
    say(f"\n{request.shape.name} is up in {seconds:.1f} s at {made.api}\n")
    _closing(request.shape.name, changed)
    return Exit.OK


def _written(config: str | None) -> Any:
    """The shape that a file says."""
    from bootstrap.clusters.shape_file import read_shape
    from bootstrap.host.fs.given import started_in
    from bootstrap.model.cluster_shape import ClusterShape

    content = read_config(config)
    if content is None:
        return ClusterShape()
    found = read_shape(content, started_in())
    for warning in found.warnings:
        say(str(warning), "!", error=True)
    return found.shape


def _closing(name: str, changed: Any) -> None:
    from bootstrap.clusters.naming import context_name

    if changed is None:
        say("  ~/.kube is not mounted here (-v ~/.kube:/root/.kube), so that no kubeconfig was changed", "!")
        say(f"  take it     bootstrap cluster kubeconfig {name} > kubeconfig")
    else:
        say(f"  use it      kubectl --context {context_name(name)} get pods -A")
    say(f"  undo it     bootstrap cluster delete {name}")


def _merge(engine: Any, name: str) -> Any:
    """The kubeconfigs that changed; None where there is no place for one."""
    from bootstrap.host.facts.kubeconfigs import kubeconfigs
    from bootstrap.workflows.cluster.life import hand_out, kubeconfig
    from bootstrap.workflows.mode import look_on

    return hand_out(look_on()[1], kubeconfigs(), name, kubeconfig(engine, name, internal=False))


@app.command("list")
def list_clusters(output: Output = "text") -> int:
    """The clusters of this engine."""
    from bootstrap.workflows.cluster.life import clusters

    found = clusters(engine_of_clusters())
    rows = [
        {
            "name": name,
            "nodes": sum(one.is_node for one in containers),
            "running": sum(one.is_node and one.state == "running" for one in containers),
        }
        for name, containers in found.items()
    ]
    if output == "json":
        print(json.dumps({"clusters": rows}, indent=2))
    elif rows:
        show_table([("NAME", "NODES", "RUNNING"), *(tuple(map(str, row.values())) for row in rows)])
    else:
        say("no clusters here", error=True)
    return Exit.OK


@app.command()
def nodes(name: Name = DEFAULT_NAME, output: Output = "text") -> int:
    """The containers of a cluster."""
    from bootstrap.workflows.cluster.life import containers_of

    found = containers_of(engine_of_clusters(), name)
    if output == "json":
        print(json.dumps({"nodes": [asdict(one) for one in found]}, indent=2))
        return Exit.OK
    show_table([("NAME", "ROLE", "STATE", "ADDRESS"), *((one.name, one.role, one.state, one.address) for one in found)])
    return Exit.OK


@app.command()
def kubeconfig(
    name: Name = DEFAULT_NAME,
    internal: Annotated[
        bool, typer.Option("--internal", help="For containers in the cluster's network, not for the host.")
    ] = False,
    output: Output = "text",
) -> int:
    """Print the administrator's kubeconfig of a cluster."""
    from bootstrap.workflows.cluster.life import kubeconfig as administrators

    show_yaml(administrators(engine_of_clusters(), name, internal=internal).decode(), output)
    return Exit.OK


@app.command()
def delete(
    name: Name = DEFAULT_NAME,
    every: Annotated[bool, typer.Option("--all", help="All clusters of this engine.")] = False,
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Remove a cluster: its containers, their volumes, its network. One that is not there is no error."""
    from bootstrap.host.facts.kubeconfigs import kubeconfigs
    from bootstrap.workflows.cluster.life import clusters, take_back
    from bootstrap.workflows.cluster.life import delete as remove
    from bootstrap.workflows.mode import look_on

    engine = engine_of_clusters()
    names = list(clusters(engine)) if every else [name]
    removed = {one: remove(engine, one, dry_run=dry_run) for one in names}
    for one in () if dry_run else names:
        take_back(look_on()[1], kubeconfigs(), one)
    if output == "json":
        print(json.dumps({"deleted": removed}, indent=2))
        return Exit.OK
    for one, things in removed.items():
        verb = "would be deleted" if dry_run else "deleted"
        say(f"{one} {verb}: {', '.join(things)}" if things else f"there is no cluster {one}: nothing to delete")
    return Exit.OK


def engine_of_clusters() -> Any:
    from bootstrap.host.docker.clusters import cluster_engine

    return cluster_engine()


def unheard(name: str, line: str, seconds: float | None) -> None:
    """Who reads JSON reads it at the end."""


def _show_plan(planned: Any, output: str) -> int:
    rows = [
        {
            "name": one.name,
            "role": one.role,
            "command": list(one.entrypoint or one.command),
            "files": sorted(one.files),
            "ports": [asdict(port) for port in one.ports],
            "mounts": [asdict(mount) for mount in one.mounts],
        }
        for one in planned
    ]
    if output == "json":
        print(json.dumps({"containers": rows}, indent=2))
        return Exit.OK
    for row in rows:
        print(f"{row['name']:<28} {row['role']:<14} {' '.join(row['command'])}")
    return Exit.OK
