"""`bootstrap init`, and one phase of it alone."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bootstrap.cli.bundle import TrustedKey, Unsigned, offered_images
from bootstrap.cli.closing import SHOW_JOIN, show_growth, show_join, show_result, shows_join
from bootstrap.cli.inputs import (
    AdvertiseAddress,
    BindPort,
    CertDir,
    ConfigFile,
    CriSocket,
    DryRun,
    Ignored,
    MirrorFile,
    NodeName,
    Output,
    PodCidr,
    ServiceCidr,
    Strict,
    comma_separated,
    read_config,
)
from bootstrap.cli.plan import show_plan
from bootstrap.cli.screen import Progress, say, show_timings
from bootstrap.model.errors import Exit

PROGRAM = Path("/usr/lib/bootstrap/app")
PHASE = "--phase"
WAITS = ("api", "node", "dns")


def phase_arguments(argv: Sequence[str]) -> list[str]:
    """kubeadm's `init phase certs ca --config F` as `init --phase certs/ca --config F`."""
    if list(argv[:2]) != ["init", "phase"]:
        return list(argv)
    words = argv[2:]
    end = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return ["init", *([PHASE, "/".join(words[:end])] if end else [PHASE, ""]), *words[end:]]


def init(
    config: ConfigFile = None,
    apiserver_advertise_address: AdvertiseAddress = None,
    apiserver_bind_port: BindPort = None,
    apiserver_cert_extra_sans: Annotated[
        str | None, typer.Option(help="Further names and addresses in the API server's certificate, with commas.")
    ] = None,
    cert_dir: CertDir = None,
    certificate_key: Annotated[
        str | None,
        typer.Option(help="Key that uploaded certificates are encrypted with (32 bytes in hex); one is made."),
    ] = None,
    control_plane_endpoint: Annotated[
        str | None, typer.Option(help="Stable name or address of the whole control plane.")
    ] = None,
    cni: Annotated[
        str | None, typer.Option(help="Pod network: flannel, none, or a manifest as in --addon (calico=/FILE, …).")
    ] = None,
    addon: Annotated[
        list[str] | None,
        typer.Option(help="Manifest to install: NAME, [NAME[@NAMESPACE]=]/FILE or https://…#sha256=…; repeatable."),
    ] = None,
    cri_socket: CriSocket = None,
    feature_gates: Annotated[str | None, typer.Option(help="kubeadm's feature gates: A=true,B=false.")] = None,
    image_repository: Annotated[
        str | None, typer.Option(help="Where the control plane's images come from; ours are localhost/bootstrap.")
    ] = None,
    kubernetes_version: Annotated[str | None, typer.Option(help="Must be the version that this image carries.")] = None,
    mirrors: MirrorFile = None,
    node_name: NodeName = None,
    patches: Annotated[str | None, typer.Option(help="Directory of patches, named as kubeadm has it.")] = None,
    pod_network_cidr: PodCidr = None,
    service_cidr: ServiceCidr = None,
    service_dns_domain: Annotated[str | None, typer.Option(help="Domain of Services: cluster.local.")] = None,
    token: Annotated[
        str | None, typer.Option(help="Bootstrap token (abcdef.0123456789abcdef); one is made by default.")
    ] = None,
    token_ttl: Annotated[str | None, typer.Option(help="How long the token is good for (24h); 0: for ever.")] = None,
    ignore_preflight_errors: Ignored = None,
    strict: Strict = False,
    skip_certificate_key_print: Annotated[
        bool, typer.Option("--skip-certificate-key-print", help="Do not show the key of uploaded certificates.")
    ] = False,
    skip_phases: Annotated[str | None, typer.Option(help="Phases to leave out, separated by commas.")] = None,
    skip_token_print: Annotated[
        bool, typer.Option("--skip-token-print", help="Do not show the bootstrap token.")
    ] = False,
    upload_certs: Annotated[
        bool, typer.Option("--upload-certs", help="Upload the shared certificates, encrypted, for two hours.")
    ] = False,
    reconfigure: Annotated[
        bool, typer.Option("--reconfigure", help="Change the cluster that is here to another configuration.")
    ] = False,
    dry_run: DryRun = False,
    wait: Annotated[str, typer.Option(help="How far to wait: api, node or dns.")] = "dns",
    exit_on_failure: Annotated[
        bool, typer.Option("--exit-on-failure", help="End the container on any failure.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Print where the time went, step by step.")] = False,
    bundle: Annotated[
        str | None, typer.Option(help="Take the images from a bundle's file, an image layout's folder, or docker.")
    ] = None,
    trusted_key: TrustedKey = None,
    insecure_unsigned: Unsigned = False,
    phase: Annotated[str | None, typer.Option(PHASE, hidden=True)] = None,
    output: Output = "text",
) -> int:
    """Make this machine a Kubernetes control plane, or go on where an earlier init stopped.

    `bootstrap init phase NAME [NAME]` runs one phase of it, with the same options.
    """
    from bootstrap.config import Overrides
    from bootstrap.model import names
    from bootstrap.workflows.init import Request
    from bootstrap.workflows.joining import Withheld
    from bootstrap.workflows.mode import enter

    if wait not in WAITS:
        raise typer.BadParameter("api, node or dns", param_hint="--wait")
    overrides = Overrides(
        apiserver_advertise_address=apiserver_advertise_address,
        apiserver_bind_port=apiserver_bind_port,
        apiserver_cert_extra_sans=comma_separated(apiserver_cert_extra_sans),
        cert_dir=cert_dir,
        certificate_key=certificate_key,
        control_plane_endpoint=control_plane_endpoint,
        cni=cni,
        addons=tuple(addon) if addon else None,
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
        ignore_preflight_errors=comma_separated(ignore_preflight_errors),
        skip_phases=comma_separated(skip_phases),
    )
    mode, host = enter()
    rules = read_config(mirrors, host)
    if rules is not None:
        from bootstrap.config.own.bootstrap_configuration import (
            load_mirrors,  # pydantic costs a start too much for who gives no rules
        )

        overrides = replace(overrides, mirrors=load_mirrors(rules))
    request = Request(read_config(config, host), overrides, wait, strict, reconfigure, upload_certs, phase)
    offered = partial(offered_images, bundle, trusted_key, insecure_unsigned, host)
    withheld = Withheld(token=skip_token_print, certificate_key=skip_certificate_key_print)
    go = partial(_init, mode, host, request, offered, withheld, timings=timings, output=output)
    if dry_run or phase == SHOW_JOIN:
        return go(dry_run=True)
    with host.lock(names.LOCK):
        return go(dry_run=False)


def _init(
    mode: Any, host: Any, request: Any, offered: Any, withheld: Any, *, dry_run: bool, timings: bool, output: str
) -> int:
    from datetime import UTC, datetime

    from bootstrap.workflows.api_access import api_reader
    from bootstrap.workflows.execute import execute
    from bootstrap.workflows.init import decide, make_plan
    from bootstrap.workflows.joining import join_commands

    began = time.monotonic()
    decision = decide(host, mode.name, request)
    objects = api_reader(host, decision.cfg)
    joins = partial(join_commands, host, decision.cfg, decision.certificate_key, objects, datetime.now(UTC), withheld)
    if request.phase == SHOW_JOIN:
        return show_join(joins(), output)
    if output == "text":
        _show_preflight(decision, mode, time.monotonic() - began)
    decision.preflight.raise_errors()
    if request.phase == "preflight":
        return Exit.OK
    with offered(decision, manifests()) as (bundled, load):
        plan = make_plan(host, decision, manifests(), datetime.now(UTC), request, bundled)
        if output == "text":
            for remark in plan.remarks:
                say(f"  {remark}", "!")
        if dry_run or decision.cfg.run.dry_run:
            return show_plan(plan, host, objects, output)
        result = execute(host, decision, plan, Progress(plan) if output == "text" else _silent, load, verb="init")
    seconds, lines = time.monotonic() - began, joins() if shows_join(decision, request.phase) else ()
    if output == "json":
        print(json.dumps({"seconds": seconds, "steps": [asdict(t) for t in result], "join": lines}, indent=2))
        return Exit.OK
    if timings:
        show_timings(result)
    if request.phase is None:
        show_result(decision, result, seconds)
    show_growth(lines)
    return Exit.OK


def _silent(event: Any) -> None:
    """Who reads JSON reads it at the end."""


def manifests() -> dict[str, str]:
    """The add-ons' templates: path below `manifests/` → text."""
    folder = (PROGRAM if PROGRAM.is_dir() else Path(__file__).parents[2]) / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


def _show_preflight(decision: Any, mode: Any, seconds: float) -> None:
    cfg, preflight = decision.cfg, decision.preflight
    say(
        f"bootstrap {cfg.cluster.kubernetes_version} · {mode.name} mode: {mode.why} · "
        f"{cfg.node.name}, {cfg.api.advertise_address} · cgroup v{decision.facts.cgroup_version}"
    )
    count = len(preflight.warnings)
    checks = f"{preflight.count} checks" + (f", {count} warning{'s' * (count > 1)}" if count else "")
    say(f"{'Preflight':<16} {checks:<40} {seconds:6.1f} s", "✗" if preflight.errors else "✓")
    for finding in preflight.warnings:
        say(f"  {finding.message}", "!")
