"""`init`: observe, decide, then preview or act."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from bootstrap.config import (
    Documents,
    Overrides,
    difference,
    dump,
    gives_address,
    load,
    resolve,
    to_cluster_configuration,
)
from bootstrap.engine.journal import begun, read_journal
from bootstrap.engine.run import EventListener, run
from bootstrap.engine.run_context import RunContext
from bootstrap.engine.timings import Timing
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.kube_client import KubeApi, probe
from bootstrap.host.node.health import COMPLETE
from bootstrap.host.port import Host, HostReader
from bootstrap.host.registry.credentials import written_login
from bootstrap.model import names
from bootstrap.model.addon import parse_source
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File, ImagePresent
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.plan import Plan
from bootstrap.model.runtime import runtime_at
from bootstrap.phases.cluster import TOKEN_CREATED
from bootstrap.phases.images import Bundled
from bootstrap.phases.init import init_plan
from bootstrap.phases.inputs import Inputs
from bootstrap.phases.select import only
from bootstrap.preflight.checks import Preflight, run_checks
from bootstrap.render.node.registry_logins import kubelet_logins, login_files
from bootstrap.render.pki.issue import is_external_ca, issue_pki, pki_paths
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.kubeconfig import identities, issue_kubeconfigs
from bootstrap.workflows.addons import read_addons
from bootstrap.workflows.diagnose import looking, with_cause
from bootstrap.workflows.joining import made_certificate_key, made_token, uploads

FIXED = (
    "ClusterConfiguration.networking",
    "ClusterConfiguration.certificatesDir",
    "ClusterConfiguration.etcd.local.dataDir",
    "ClusterConfiguration.etcd.external.endpoints",
    "ClusterConfiguration.clusterName",
    "InitConfiguration.nodeRegistration.name",
    "InitConfiguration.nodeRegistration.criSocket",
)
LoadImages = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Loads references of a verified bundle; see `World`."""


@dataclass(frozen=True)
class Request:
    """What the user asked for: `config` is the bytes of --config, None when it was not given."""

    config: bytes | None
    overrides: Overrides
    wait: str = "dns"
    strict: bool = False
    """Preflight's warnings are errors."""
    reconfigure: bool = False
    upload_certs: bool = False
    phase: str | None = None
    """One phase of the plan (`certs/ca`); None for all."""


@dataclass(frozen=True)
class Decision:
    """A complete configuration, what preflight found, and whether a cluster of ours is here already."""

    cfg: ClusterConfig
    facts: HostFacts
    preflight: Preflight
    resumed: bool
    certificate_key: str = ""
    """What certificates are uploaded with; empty when they are not."""


def decide(host: Host, mode: str, request: Request) -> Decision:
    """Raises BootstrapError: exit 3 (configuration), 8 (the cluster here has another configuration)."""
    facts = gather(host, mode)
    before = host.read(names.STATE_CONFIG)
    if request.config is None and before is not None:
        documents = _without_addons(_without_address(load(before)), request.overrides.addons or ())
    else:
        documents = load(request.config) if request.config is not None else Documents()
    cfg = resolve(documents, request.overrides, facts)
    if before is not None:
        _check_difference(before, cfg, facts, reconfigure=request.reconfigure)
    fresh, given = before is None, gives_address(documents, request.overrides)
    configured = look_up(host, mode, cfg, address_given=given, fresh=fresh)
    facts = dataclasses.replace(facts, configured=configured)
    preflight = run_checks(cfg, facts, fresh=fresh, strict=request.strict)
    key = (cfg.run.certificate_key or made_certificate_key()) if request.upload_certs else ""
    return Decision(cfg, facts, preflight, resumed=not fresh, certificate_key=key)


def _without_address(documents: Documents) -> Documents:
    """The stored configuration, open to another address of this node."""
    init = {k: v for k, v in documents.get("InitConfiguration").items() if k != "localAPIEndpoint"}
    port = documents.get("InitConfiguration").get("localAPIEndpoint", {}).get("bindPort")
    if port:
        init["localAPIEndpoint"] = {"bindPort": port}
    return dataclasses.replace(documents, upstream={**documents.upstream, "InitConfiguration": init})


def _without_addons(documents: Documents, given: Sequence[str]) -> Documents:
    """The stored configuration without the add-ons that flags give anew under the same name."""
    own = documents.own
    if own is None:
        return documents
    names_given = {_addon_name(text) for text in given}
    kept = tuple(text for text in own.addons if text in given or _addon_name(text) not in names_given)
    return dataclasses.replace(documents, own=dataclasses.replace(own, addons=kept))


def _addon_name(text: str) -> str:
    """What cannot be read stands for itself: the rules say what is wrong with it."""
    try:
        return parse_source(text).name
    except ValueError:
        return text


def _check_difference(before: bytes, cfg: ClusterConfig, facts: HostFacts, *, reconfigure: bool) -> None:
    """The address alone may differ: a container gets another one when it is started again."""
    old = resolve(load(before), Overrides(), facts)
    here = dataclasses.replace(old.api, advertise_address=cfg.api.advertise_address)
    old = dataclasses.replace(old, node=dataclasses.replace(old.node, api=here))
    if reconfigure:
        _check_fixed(old, cfg)
    elif lines := difference(old, cfg):
        raise BootstrapError(
            "this node has a cluster with another configuration",
            code=Exit.CONFLICT,
            why=f"init was run before with what {names.STATE_CONFIG} says",
            fix="run init without --config and flags to go on with the old one, or change it: --reconfigure",
            details=tuple(lines),
        )


def _check_fixed(old: ClusterConfig, new: ClusterConfig) -> None:
    """Networks, certificates and data that running Pods and stored objects hold on to cannot be changed in place."""
    if fixed := [line for line in difference(old, new) if line.startswith(FIXED)]:
        raise BootstrapError(
            "this cannot be changed in a cluster that exists",
            code=Exit.CONFLICT,
            details=tuple(fixed),
            fix="bootstrap reset, then init with the new configuration",
        )


def make_plan(
    host: HostReader,
    decision: Decision,
    manifests: Mapping[str, str],
    now: datetime,
    request: Request,
    bundled: Bundled | None = None,
) -> Plan:
    """Certificates and kubeconfigs are issued here, so that the plan holds finished bytes."""
    cfg, keys = decision.cfg, CryptoKeySource()
    existing = _existing(host, pki_paths(cfg))
    pki = issue_pki(cfg, existing, keys, now, begun(read_journal(host)))
    by_path = {f.path: f.content for f in pki}
    kubeconfigs = issue_kubeconfigs(cfg, by_path, _existing(host, tuple(identities(cfg))), keys, now)
    wants_tokens = request.phase == "bootstrap-token" or not host.stat(TOKEN_CREATED)
    plan = init_plan(
        Inputs(
            cfg=cfg,
            facts=decision.facts,
            stored=to_cluster_configuration(cfg),
            state=dump(cfg).encode(),
            pki=pki,
            kubeconfigs=kubeconfigs,
            manifests=manifests,
            patches=read_patches(host, cfg.node.patches_directory),
            tokens=tuple(map(made_token, cfg.run.tokens)) if wants_tokens else (),
            now=now,
            wait=request.wait,
            external_ca=is_external_ca(cfg, existing),
            bundled=bundled,
            extra=read_addons(host, cfg, manifests),
            logins=kubelet_login_files(host, cfg.own.mirrors),
            uploads=uploads(host, cfg, by_path, decision.certificate_key, now) if decision.certificate_key else (),
        )
    )
    if request.phase is None:
        return plan
    return only(plan, request.phase, lambda path: host.stat(path) is not None)


def act(
    host: Host, decision: Decision, plan: Plan, listen: EventListener, load_images: LoadImages | None = None
) -> tuple[Timing, ...]:
    """Runs the plan. Raises BootstrapError: exit 5, 6 (with evidence) or 7."""
    runtime, since = runtime_at(decision.cfg.node.cri_socket, decision.facts.mode), time.time()
    look = looking(host, runtime, since)
    try:
        context = RunContext(host, _connector(host, decision.cfg), probe, look, load_images=load_images, report=listen)
        timings = run(plan, context, listen)
    except BootstrapError as e:
        raise (with_cause(e, host, runtime, since) if e.code == Exit.WAIT and not e.more else e) from None
    if any(isinstance(effect, ImagePresent) for step in plan.steps for effect in step.effects):
        from bootstrap.host.runtime.image_puller import clear  # few runs pull: the HTTP client costs a start 0.1 s

        clear()
    if decision.facts.mode == "node":  # the container's health check reads it
        host.write(COMPLETE, str(decision.cfg.api.bind_port).encode(), 0o600)
    return timings


def _connector(host: HostReader, cfg: ClusterConfig) -> Callable[[], KubeApi]:
    def connect() -> KubeApi:
        kubeconfig = host.read(names.SUPER_ADMIN_CONF)
        if kubeconfig is None:
            raise BootstrapError(f"{names.SUPER_ADMIN_CONF} is missing", code=Exit.EFFECT)
        return KubeApi(kubeconfig, f"https://{cfg.api}")

    return connect


def api_reader(host: HostReader, cfg: ClusterConfig) -> Callable[[str], Mapping[str, Any] | None]:
    """Looks at objects of a cluster that may not be there, for a dry run: REST path → object or None."""
    connect = cache(_connector(host, cfg))

    def get(path: str) -> Mapping[str, Any] | None:
        try:
            return connect().get(path).found
        except (BootstrapError, ConnectionError):
            return None

    return get


def _existing(host: HostReader, paths: tuple[str, ...]) -> dict[str, bytes]:
    return {path: content for path in paths if (content := host.read(path)) is not None}


def read_patches(host: HostReader, directory: str) -> dict[str, bytes]:
    if not directory:
        return {}
    files = _existing(host, tuple(f"{directory}/{name}" for name in host.listdir(directory)))
    return {path.rsplit("/", 1)[1]: content for path, content in files.items()}


def kubelet_login_files(host: HostReader, mirrors: Mirrors) -> tuple[File, ...]:
    """Raises BootstrapError (exit 3) when a file that a rule names cannot be read."""
    servers = kubelet_logins(mirrors.reached(host.reach))
    found = {name: login for name, server in servers.items() if (login := written_login(server))}
    return login_files(mirrors, found)
