"""What `init` ends with: how to use the cluster, grow it and undo it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bootstrap.cli.screens.screen import longest, say
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.last_words import UNCHANGED, UP

SHOW_JOIN = "show-join-command"
GROWING = ("bootstrap-token", "upload-certs")
"""Phases that are run alone for the line that they end with."""


def show_join(lines: Sequence[str], output: str) -> int:
    """The lines alone, for scripts. Raises BootstrapError (exit 8) when there is none."""
    if not lines:
        raise BootstrapError(
            "there is no token that a node could join with",
            code=Exit.CONFLICT,
            why="those that were made have expired or are damaged, or init has not run",
            fix="bootstrap init phase bootstrap-token",
        )
    print(json.dumps({"join": lines}, indent=2) if output == "json" else "\n".join(lines))
    return Exit.OK


def shows_join(decision: Any, phase: str | None) -> bool:
    """A host is shown how it grows when it becomes a node; a throwaway node only with a key that is shown once."""
    if phase:
        return phase in GROWING
    fresh_host = decision.facts.mode == "host" and not decision.resumed
    return (fresh_host or bool(decision.certificate_key)) and SHOW_JOIN not in decision.cfg.run.skip_phases


def show_renewal(decision: Any) -> None:
    """On a host, which is there when its certificates end."""
    from bootstrap.model import names

    cfg = decision.cfg
    if decision.facts.mode == "host" and cfg.node.api and cfg.own.certificate_renewal:
        say(f"  certs       {names.RENEWAL}.timer renews them before they end (systemctl list-timers)")


def show_growth(lines: Sequence[str]) -> None:
    """On the other machine, or in its container."""
    for line in lines:
        say(f"  grow it     {line}", plainly=True)


def show_result(decision: Any, result: Any, seconds: float) -> None:
    say()
    if not any(timing.changed for timing in result):
        say(f"{UNCHANGED} this node already is what the configuration says")
        return
    version = decision.cfg.cluster.kubernetes_version
    say(f"Kubernetes {version} {UP} {seconds:.1f} s   (longest chain: {longest(result)})")
    if not decision.resumed:
        _closing(decision)


def _closing(decision: Any) -> None:
    from bootstrap.model import names
    from bootstrap.render.node.kubelet import node_taints

    cfg = decision.cfg
    name = decision.facts.hostname  # a container's hostname is its id, unless the user chose one
    if cfg.node.taints is None and not node_taints(cfg, decision.facts):
        say("\n  this is the only node, so workloads may run on it (workloadsOnControlPlane: false forbids it)")
    if decision.facts.mode == "host":
        kubectl = f"{names.HOST_BIN_DIR}/kubectl" if decision.facts.read_only_usr else "kubectl"
        say(f"\n  use it      KUBECONFIG={names.ADMIN_CONF} {kubectl} get pods -A   (here, as root)")
        say("  undo it     docker run --rm --privileged --pid=host --network=host -v /:/host IMAGE reset --force")
        show_renewal(decision)
        return
    say(f"\n  use it      docker exec {name} kubectl get pods -A")
    say(f"  take it     docker exec {name} bootstrap kubeconfig > kubeconfig   (or with --server)")
    say(f"  undo it     docker rm -fv {name}")
