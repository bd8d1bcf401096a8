"""The commands. Each builds what its workflow needs and hands it down."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bootstrap.cli.images import config_images_app, images_app
from bootstrap.cli.inputs import ConfigFile, Output, read_config
from bootstrap.cli.screen import Progress, longest, say, show_timings
from bootstrap.model.errors import Exit

app = typer.Typer(
    name="bootstrap",
    help="Makes Kubernetes clusters.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Show and check configurations.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(images_app, name="images")
config_app.add_typer(config_images_app, name="images")

Text = Annotated[str | None, typer.Option()]
PROGRAM = Path("/usr/lib/bootstrap/app")


def manifests() -> dict[str, str]:
    folder = (PROGRAM if PROGRAM.is_dir() else Path(__file__).parents[2]) / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


def _list(value: str | None) -> tuple[str, ...] | None:
    return tuple(item for item in value.split(",") if item) if value is not None else None


@app.command()
def init(
    config: ConfigFile = None,
    apiserver_advertise_address: Text = None,
    apiserver_bind_port: Annotated[int | None, typer.Option()] = None,
    apiserver_cert_extra_sans: Text = None,
    cert_dir: Text = None,
    certificate_key: Text = None,
    control_plane_endpoint: Text = None,
    cri_socket: Text = None,
    feature_gates: Text = None,
    image_repository: Text = None,
    kubernetes_version: Text = None,
    node_name: Text = None,
    patches: Text = None,
    pod_network_cidr: Text = None,
    service_cidr: Text = None,
    service_dns_domain: Text = None,
    token: Text = None,
    token_ttl: Text = None,
    ignore_preflight_errors: Text = None,
    skip_phases: Text = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing.")] = False,
    wait: Annotated[str, typer.Option(help="How far to wait: api, node or dns.")] = "dns",
    exit_on_failure: Annotated[
        bool, typer.Option("--exit-on-failure", help="End the container on any failure.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Print where the time went, step by step.")] = False,
    output: Output = "text",
) -> int:
    """Make this machine a Kubernetes control plane, or go on where an earlier init stopped."""
    from bootstrap.config import Overrides
    from bootstrap.workflows.init import Request

    if wait not in ("api", "node", "dns"):
        raise typer.BadParameter("api, node or dns", param_hint="--wait")
    overrides = Overrides(
        apiserver_advertise_address=apiserver_advertise_address,
        apiserver_bind_port=apiserver_bind_port,
        apiserver_cert_extra_sans=_list(apiserver_cert_extra_sans),
        cert_dir=cert_dir,
        certificate_key=certificate_key,
        control_plane_endpoint=control_plane_endpoint,
        cri_socket=cri_socket,
        feature_gates=feature_gates,
        image_repository=image_repository,
        kubernetes_version=kubernetes_version,
        node_name=node_name,
        patches=patches,
        pod_network_cidr=pod_network_cidr,
        service_cidr=service_cidr,
        service_dns_domain=service_dns_domain,
        token=token,
        token_ttl=token_ttl,
        ignore_preflight_errors=_list(ignore_preflight_errors),
        skip_phases=_list(skip_phases),
    )
    return _init(Request(read_config(config), overrides, wait), dry_run=dry_run, timings=timings, output=output)


def _init(request: Any, *, dry_run: bool, timings: bool, output: str) -> int:
    from datetime import UTC, datetime

    from bootstrap.host.live import LiveHost
    from bootstrap.workflows.init import act, decide, make_plan
    from bootstrap.workflows.mode import NODE, refuse_host_mode

    began = time.monotonic()
    refuse_host_mode()
    host = LiveHost()
    decision = decide(host, NODE, request)
    if output == "text":
        _show_preflight(decision, time.monotonic() - began)
    decision.preflight.raise_errors()
    plan = make_plan(host, decision, manifests(), datetime.now(UTC), request.wait)
    if dry_run or decision.cfg.dry_run:
        return _show_plan(plan, host, output)
    if output == "json":
        result = act(host, decision, plan, lambda event: None)
        print(json.dumps({"seconds": time.monotonic() - began, "steps": [asdict(t) for t in result]}, indent=2))
        return Exit.OK
    result = act(host, decision, plan, Progress(plan))
    if timings:
        show_timings(result)
    _show_result(decision, result, time.monotonic() - began)
    return Exit.OK


def _show_preflight(decision: Any, seconds: float) -> None:
    cfg, preflight = decision.cfg, decision.preflight
    say(
        f"bootstrap {cfg.kubernetes_version} · node mode: no host root is mounted · "
        f"{cfg.node.name}, {cfg.advertise_address} · cgroup v{decision.facts.cgroup_version}"
    )
    count = len(preflight.warnings)
    checks = f"{preflight.count} checks" + (f", {count} warning{'s' * (count > 1)}" if count else "")
    say(f"{'Preflight':<16} {checks:<40} {seconds:6.1f} s", "✗" if preflight.errors else "✓")
    for finding in preflight.warnings:
        say(f"  {finding.message}", "!")


def _show_result(decision: Any, result: Any, seconds: float) -> None:
    say()
    if not any(timing.changed for timing in result):
        say("nothing changed: this node already is what the configuration says")
        return
    version = decision.cfg.kubernetes_version
    say(f"Kubernetes {version} is up in {seconds:.1f} s   (longest chain: {longest(result)})")
    if not decision.resumed:
        _closing(decision)


def _closing(decision: Any) -> None:
    from bootstrap.render.kubelet import node_taints

    name = decision.facts.hostname  # a container's hostname is its id, unless the user chose one
    if decision.cfg.node.taints is None and not node_taints(decision.cfg, decision.facts):
        say("\n  this is the only node, so workloads may run on it (workloadsOnControlPlane: false forbids it)")
    say(f"\n  use it      docker exec {name} kubectl get pods -A")
    say(f"  take it     docker exec {name} bootstrap kubeconfig > kubeconfig   (or with --server)")
    say(f"  undo it     docker rm -fv {name}")


def _show_plan(plan: Any, host: Any, output: str) -> int:
    from bootstrap.engine.preview import preview

    steps = preview(plan, host)
    if output == "json":
        print(json.dumps({"steps": [asdict(step) for step in steps]}, indent=2))
        return Exit.OK
    for step in steps:
        say(f"{step.id}" + (f"   after {', '.join(step.after)}" if step.after else ""))
        for line in step.effects:
            say(f"    {line}")
        for line in step.waits:
            say(f"    wait for: {line}")
    say("\nnothing was written")
    return Exit.OK


@app.command()
def node() -> int:
    """Boot a node without a cluster: a runtime and this program, nothing else (tests, benches)."""
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows.node import start_runtime

    start_runtime(LiveHost())
    say("the node is up; make a cluster on it: docker exec NAME bootstrap init")
    return Exit.OK


@app.command()
def kubeconfig(
    server: Annotated[str, typer.Option(help="URL under which the API server is reached.")] = "",
    inside: Annotated[bool, typer.Option("--inside", help="For use inside this node.")] = False,
) -> int:
    """Print a kubeconfig of the administrator, for use outside of the container."""
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows.kubeconfig import admin_kubeconfig

    sys.stdout.write(admin_kubeconfig(LiveHost(), server, inside=inside).decode())
    return Exit.OK


@app.command()
def healthcheck() -> int:
    """Exit 0 when what this container was started for is up (the image's HEALTHCHECK)."""
    from bootstrap.cli.main import answer_healthcheck

    return answer_healthcheck()


@app.command()
def version(output: Output = "text") -> int:
    """The version of Kubernetes that this image installs."""
    from bootstrap.model import names

    print(json.dumps({"kubernetes": names.BUILT_VERSION}) if output == "json" else f"bootstrap {names.BUILT_VERSION}")
    return Exit.OK


@config_app.command("validate")
def config_validate(config: ConfigFile = None) -> int:
    """Check a configuration file; all problems at once."""
    from bootstrap.config import load, validate

    if config is None:
        raise typer.BadParameter("is required", param_hint="--config")
    validate(load(read_config(config) or b""))
    print("ok")
    return Exit.OK


@config_app.command("print")
def config_print(
    what: Annotated[str, typer.Argument(help="effective, or init-defaults as kubeadm has it.")] = "effective",
    config: ConfigFile = None,
) -> int:
    """Print the complete configuration that `init` would use."""
    from bootstrap.config import defaults_yaml, dump
    from bootstrap.workflows.config import complete

    print(defaults_yaml() if what == "init-defaults" else dump(complete(read_config(config))), end="")
    return Exit.OK
