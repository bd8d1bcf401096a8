"""What a run begins with: the machine, the whole configuration, and what preflight says to both."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.config import Documents, Overrides, gives_address, load, resolve, unused_settings
from bootstrap.config.complete import lasting
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import Problem
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.checks import Preflight, run_checks
from bootstrap.render.patch.directory import TARGETS, ignored
from bootstrap.workflows.inputs import read_patches
from bootstrap.workflows.reconfigure import check_began_here, check_difference, check_version, kept, with_verification


@dataclass(frozen=True)
class Observed:
    """A complete configuration, what preflight found, and whether a cluster of ours is here already."""

    cfg: ClusterConfig
    facts: HostFacts
    preflight: Preflight
    resumed: bool
    warnings: tuple[str, ...] = ()
    """What the configuration says and nothing is done with."""


def observe(
    host: Host,
    mode: str,
    config: bytes | None,
    overrides: Overrides,
    *,
    strict: bool,
    reconfigure: bool,
    uploads: bool,
    tokens: bool,
) -> Observed:
    """`config` is the bytes of --config; `uploads` and `tokens` say what this run makes in any case.

    Raises BootstrapError: exit 3, 8 (the cluster here has another configuration).
    """
    facts, before = gather(host, mode), host.read(names.STATE_CONFIG)
    if before is not None:
        check_version(before)
        check_began_here(before)
    documents = _documents(config, before, overrides)
    cfg = with_verification(host, resolve(documents, overrides, facts), before)
    if before is not None:
        check_difference(host, mode, before, cfg, reconfigure=reconfigure)
    fresh, given = before is None, gives_address(documents, overrides)
    configured = look_up(host, mode, cfg, address_given=given, fresh=fresh)
    facts = dataclasses.replace(lasting(facts, cfg.own), configured=configured)
    made = not tokens and host.stat(names.TOKEN_CREATED) is not None
    warnings = unused_settings(documents, overrides, cfg, uploads=uploads, tokens_made=made)
    preflight = run_checks(cfg, facts, fresh=fresh, strict=strict)
    return Observed(cfg, facts, preflight, not fresh, tuple(map(str, (*warnings, *_no_patches(host, cfg)))))


def _no_patches(host: HostReader, cfg: ClusterConfig) -> Iterator[Problem]:
    """Files between the patches that patch nothing, as kubeadm names them too."""
    directory = cfg.node.patches_directory
    for name in ignored(read_patches(host, directory)):
        yield Problem(f"{directory}/{name}", f"no patch: its name is not TARGET*.yaml or .json of {', '.join(TARGETS)}")


def _documents(config: bytes | None, before: bytes | None, overrides: Overrides) -> Documents:
    if config is not None:
        return load(config)
    return Documents() if before is None else kept(before, overrides)
