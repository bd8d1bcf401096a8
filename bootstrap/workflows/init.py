"""`init`: observe, decide, then preview or act."""

from __future__ import annotations

import dataclasses
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.config import Documents, Overrides, difference, dump, load, resolve, to_cluster_configuration
from bootstrap.engine.run import Listener, run
from bootstrap.engine.timings import Timing
from bootstrap.engine.world import World
from bootstrap.host.api import KubeApi, probe
from bootstrap.host.evidence import gather_evidence
from bootstrap.host.facts import gather
from bootstrap.host.health import COMPLETE
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapToken, ClusterConfig, LocalEtcd
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan
from bootstrap.phases.init import TOKEN_CREATED, Inputs, init_plan
from bootstrap.preflight.checks import Preflight, run_checks
from bootstrap.render.keys import CryptoKeySource
from bootstrap.render.kubeconfig import identities, issue_kubeconfigs
from bootstrap.render.pki import is_external_ca, issue_pki, pki_paths

TOKEN_ALPHABET = string.digits + string.ascii_lowercase


@dataclass(frozen=True)
class Request:
    """What the user asked for: `config` is the bytes of --config, None when it was not given."""

    config: bytes | None
    overrides: Overrides
    wait: str = "dns"


@dataclass(frozen=True)
class Decision:
    """A complete configuration, what preflight found, and whether a cluster of ours is here already."""

    cfg: ClusterConfig
    facts: HostFacts
    preflight: Preflight
    resumed: bool


def decide(host: Host, mode: str, request: Request) -> Decision:
    """Raises BootstrapError: exit 3 (configuration), 8 (the cluster here has another configuration)."""
    facts = gather(host, mode)
    before = host.read(names.STATE_CONFIG)
    if request.config is None and request.overrides == Overrides() and before is not None:
        documents = _without_address(load(before))
    else:
        documents = load(request.config) if request.config is not None else Documents()
    cfg = resolve(documents, request.overrides, facts)
    if isinstance(cfg.etcd, LocalEtcd):
        facts = dataclasses.replace(facts, etcd_data_present=bool(host.listdir(cfg.etcd.data_dir)))
    if before is not None:
        _refuse_difference(before, cfg, facts)
    return Decision(cfg, facts, run_checks(cfg, facts, fresh=before is None), before is not None)


def _without_address(documents: Documents) -> Documents:
    """The stored configuration, open to another address of this node."""
    init = {k: v for k, v in documents.get("InitConfiguration").items() if k != "localAPIEndpoint"}
    port = documents.get("InitConfiguration").get("localAPIEndpoint", {}).get("bindPort")
    if port:
        init["localAPIEndpoint"] = {"bindPort": port}
    return dataclasses.replace(documents, upstream={**documents.upstream, "InitConfiguration": init})


def _refuse_difference(before: bytes, cfg: ClusterConfig, facts: HostFacts) -> None:
    """The address alone may differ: a container gets another one when it is started again."""
    old = resolve(load(before), Overrides(), facts)
    lines = difference(dataclasses.replace(old, advertise_address=cfg.advertise_address), cfg)
    if lines:
        raise BootstrapError(
            "this node has a cluster with another configuration",
            code=Exit.CONFLICT,
            why=f"init was run before with what {names.STATE_CONFIG} says",
            fix="run init without --config and flags to go on with the old one, or start a new node with the new one",
            details=tuple(lines),
        )


def make_plan(host: HostReader, decision: Decision, manifests: Mapping[str, str], now: datetime, wait: str) -> Plan:
    """Certificates and kubeconfigs are issued here, so that the plan holds finished bytes."""
    cfg, keys = decision.cfg, CryptoKeySource()
    existing = _existing(host, pki_paths(cfg))
    pki = issue_pki(cfg, existing, keys, now)
    by_path = {f.path: f.content for f in pki}
    kubeconfigs = issue_kubeconfigs(cfg, by_path, _existing(host, tuple(identities(cfg))), keys, now)
    return init_plan(
        Inputs(
            cfg=cfg,
            facts=decision.facts,
            stored=to_cluster_configuration(cfg),
            state=dump(cfg).encode(),
            pki=pki,
            kubeconfigs=kubeconfigs,
            manifests=manifests,
            patches=_patches(host, cfg.patches_directory),
            tokens=() if host.stat(TOKEN_CREATED) else tuple(_made(token) for token in cfg.tokens),
            now=now,
            wait=wait,
            external_ca=is_external_ca(cfg, existing),
        )
    )


def act(host: Host, decision: Decision, plan: Plan, listen: Listener) -> tuple[Timing, ...]:
    """Runs the plan. Raises BootstrapError: exit 5, 6 (with evidence) or 7."""
    try:
        timings = run(plan, World(host, _connector(host, decision.cfg), probe, listen), listen)
    except BootstrapError as e:
        if e.code != Exit.WAIT:
            raise
        raise BootstrapError(
            e.what,
            code=e.code,
            why=e.why,
            details=gather_evidence(host),
            fix="correct it and run init again: it goes on where it stopped (more: journalctl -u kubelet -n 50)",
        ) from None
    host.write(COMPLETE, str(decision.cfg.bind_port).encode(), 0o600)
    return timings


def _connector(host: HostReader, cfg: ClusterConfig) -> Callable[[], KubeApi]:
    def connect() -> KubeApi:
        kubeconfig = host.read(names.SUPER_ADMIN_CONF)
        if kubeconfig is None:
            raise BootstrapError(f"{names.SUPER_ADMIN_CONF} is missing", code=Exit.EFFECT)
        return KubeApi(kubeconfig, f"https://{cfg.local_endpoint}")

    return connect


def _existing(host: HostReader, paths: tuple[str, ...]) -> dict[str, bytes]:
    return {path: content for path in paths if (content := host.read(path)) is not None}


def _patches(host: HostReader, directory: str) -> dict[str, bytes]:
    if not directory:
        return {}
    files = _existing(host, tuple(f"{directory}/{name}" for name in host.listdir(directory)))
    return {path.rsplit("/", 1)[1]: content for path, content in files.items()}


def _made(token: BootstrapToken) -> BootstrapToken:
    if token.token:
        return token
    identifier, secret = ("".join(secrets.choice(TOKEN_ALPHABET) for _ in range(n)) for n in (6, 16))
    description = token.description or "The default bootstrap token generated by 'bootstrap init'."
    return dataclasses.replace(token, token=f"{identifier}.{secret}", description=description)
