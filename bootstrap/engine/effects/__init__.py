"""One module for each kind of thing: apply, describe, diff and what the journal knows of it.

Apply compares with what is there, changes only a difference and says what changed.
"""

from bootstrap.engine.effects import (  # noqa: F401 - each registers its effects
    addresses,
    api_changes,
    api_objects,
    backups,
    containers,
    etcd,
    etcd_addresses,
    etcd_join,
    etcd_upgrade,
    etcd_vote,
    files,
    images,
    kernel,
    learned_files,
    leases,
    links,
    network,
    nodes,
    program,
    record,
    serving,
    static_pods,
    trees,
    units,
)
from bootstrap.engine.effects.registry import Objects, apply_effect, describe, diff

__all__ = ["Objects", "apply_effect", "describe", "diff"]
