"""The registry of checks, and one pass over it: pure functions from configuration and facts to findings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.flags import INIT, JOIN
from bootstrap.model.plan import PREFLIGHT
from bootstrap.preflight import (
    images,
    joining,
    kernel,
    kubelet,
    leftovers,
    limits,
    mounts,
    name_servers,
    network,
    ports,
    proxy,
    ranges,
    runtime,
    storage,
    system,
    virtual_address,
)
from bootstrap.preflight.finding import Check, Finding, is_ignored

CHECKS: tuple[Check, ...] = (
    *system.ALL,
    *limits.ALL,
    *kernel.ALL,
    *kubelet.ALL,
    *network.ALL,
    *virtual_address.ALL,
    *ranges.ALL,
    *name_servers.ALL,
    *proxy.ALL,
    *ports.ALL,
    *storage.ALL,
    *mounts.ALL,
    *runtime.ALL,
    *images.ALL,
    *leftovers.ALL,
    *joining.ALL,
)

LEFT_OUT = {
    "KubernetesVersion": "the image installs one version; another one is an error of the configuration",
    "FileExisting-cp": "nothing of ours calls `cp` on the host",
    "ImagePull": "images come with the image, or are steps of the plan with progress and retries of their own",
}
"""kubeadm's checks that are not made here, and why. Naming one in --ignore-preflight-errors is no mistake."""


@dataclass(frozen=True)
class Outcome:
    """What one check found: nothing is ok."""

    check: Check
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """`ok`, `warning` or `error`."""
        if any(finding.error for finding in self.findings):
            return "error"
        return "warning" if self.findings else "ok"


@dataclass(frozen=True)
class Preflight:
    """Everything one pass found."""

    outcomes: tuple[Outcome, ...]

    verb: str = INIT

    @property
    def count(self) -> int:
        """How many checks ran."""
        return len(self.outcomes)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for outcome in self.outcomes for finding in outcome.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.error)

    def raise_errors(self) -> None:
        """Raises BootstrapError (exit 4) that lists every error with its fix."""
        if not self.errors:
            return
        ignored = ",".join(dict.fromkeys(f.name for f in self.errors))
        raise BootstrapError(
            f"{len(self.errors)} preflight check{'s' * (len(self.errors) > 1)} failed",
            code=Exit.PREFLIGHT,
            fix=f"correct it and run {self.verb} again, or go on at your own risk: --ignore-preflight-errors={ignored}",
            details=tuple(f"[{f.name}] {f.message}. {f.fix}" for f in self.errors),
        )


def run_checks(cfg: ClusterConfig, facts: HostFacts, *, fresh: bool, strict: bool = False) -> Preflight:
    """`fresh` is False when a cluster of ours is already here: ports and files are then rightly taken.

    `strict` makes errors of warnings; what the configuration ignores is a warning in any case. A run that leaves the
    phase out makes none.
    """
    if PREFLIGHT in cfg.run.skip_phases:
        return Preflight(())

    def judged(finding: Finding) -> Finding:
        skip = is_ignored(finding.name, cfg.run.ignore_preflight_errors)
        return dataclasses.replace(finding, error=(finding.error or strict) and not skip)

    return Preflight(
        tuple(
            Outcome(check, tuple(judged(finding) for finding in check.findings(cfg, facts)))
            for check in CHECKS
            if check.applies(cfg, facts, fresh=fresh)
        ),
        JOIN if cfg.node.server else INIT,
    )


def lookups(cfg: ClusterConfig, mode: str) -> tuple[str, ...]:
    """Paths whose presence the checks ask about (`Configured.present`)."""
    return (*storage.lookups(cfg), *(leftovers.lookups() if mode == "host" else ()))
