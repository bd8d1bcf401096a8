"""What a run begins with: the machine, the whole configuration, and what preflight says to both."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bootstrap.config import Documents, Overrides, gives_address, load, resolve
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.checks import Preflight, run_checks
from bootstrap.workflows.reconfigure import check_difference, kept


@dataclass(frozen=True)
class Observed:
    """A complete configuration, what preflight found, and whether a cluster of ours is here already."""

    cfg: ClusterConfig
    facts: HostFacts
    preflight: Preflight
    resumed: bool


def observe(
    host: Host, mode: str, config: bytes | None, overrides: Overrides, *, strict: bool, reconfigure: bool
) -> Observed:
    """`config` is the bytes of --config. Raises BootstrapError: exit 3, 8 (the cluster here has another one)."""
    facts, before = gather(host, mode), host.read(names.STATE_CONFIG)
    documents = _documents(config, before, overrides)
    cfg = resolve(documents, overrides, facts)
    if before is not None:
        check_difference(host, mode, before, cfg, reconfigure=reconfigure)
    fresh, given = before is None, gives_address(documents, overrides)
    configured = look_up(host, mode, cfg, address_given=given, fresh=fresh)
    facts = dataclasses.replace(facts, configured=configured)
    return Observed(cfg, facts, run_checks(cfg, facts, fresh=fresh, strict=strict), resumed=not fresh)


def _documents(config: bytes | None, before: bytes | None, overrides: Overrides) -> Documents:
    if config is not None:
        return load(config)
    return Documents() if before is None else kept(before, overrides)
