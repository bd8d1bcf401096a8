"""`addon remove`: an add-on that was given once is taken back, its objects and what the configuration says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bootstrap.config import read_stored, to_stored
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.addon import BUILT_IN, Addon, is_foreign_cni, parse_source
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.plan import Plan
from bootstrap.phases.addons import removal
from bootstrap.preflight.checks import Preflight
from bootstrap.render.addons.foreign import kept_path
from bootstrap.workflows.addons.read import recipe_for, source_of
from bootstrap.workflows.observe import Observed


@dataclass(frozen=True)
class Removal:
    observed: Observed
    plan: Plan


def plan_removal(host: Host, mode: str, name: str, manifests: Mapping[str, str]) -> Removal:
    """Raises BootstrapError: exit 3 (there is no such add-on), 8 (no cluster)."""
    stored = host.read(names.STATE_CONFIG)
    if stored is None:
        raise BootstrapError(
            "there is no cluster here",
            code=Exit.CONFLICT,
            why=f"{names.STATE_CONFIG} is not there",
            fix="bootstrap init",
        )
    cfg, facts = read_stored(stored), gather(host, mode)
    text = _listed(cfg, name)
    rest = tuple(other for other in cfg.own.addons if other != text)
    after = to_stored(replace(cfg, own=replace(cfg.own, addons=rest))).encode()
    addon = _as_applied(host, text, manifests)
    step = removal(addon or Addon(name, text, b""), cfg, facts, after, known=addon is not None)
    unknown = (f"{name}: its manifest is neither kept here nor at {text}, so its objects stay",)
    return Removal(
        Observed(cfg, facts, Preflight(()), resumed=True), Plan((step,), remarks=unknown if addon is None else ())
    )


def _listed(cfg: ClusterConfig, name: str) -> str:
    """What the configuration says of the add-on."""
    by_name = {parse_source(text).name: text for text in cfg.own.addons}
    if name in by_name:
        return by_name[name]
    network = parse_source(cfg.own.cni).name if is_foreign_cni(cfg.own.cni) else ""
    if name in (*BUILT_IN, network):
        raise BootstrapError(
            f"{name} is not an add-on that can be taken back",
            code=Exit.CONFIG,
            why="without it the cluster has no network for Pods and Services, or no DNS",
            fix="proxy.disabled or dns.disabled in the configuration, with init --reconfigure; another network: reset",
        )
    raise BootstrapError(
        f"there is no add-on called {name} here",
        code=Exit.CONFIG,
        fix=f"one of: {', '.join(by_name)}" if by_name else "bootstrap addon list shows what there is",
    )


def _as_applied(host: HostReader, text: str, manifests: Mapping[str, str]) -> Addon | None:
    """The add-on as it was applied; one that failed before it was kept, as it is where it came from."""
    source = parse_source(text)
    recipe = recipe_for(manifests, source)
    content = host.read(kept_path(source.name))
    if content is not None:
        return Addon(source.name, text, content, recipe, namespace=source.namespace)
    try:
        return source_of(host, text, manifests, cni=False)
    except BootstrapError:
        return None
