"""Apply one effect: compare with what is there, change only a difference, say what changed."""

from bootstrap.engine.effects import cluster, etcd, host, images, undo  # noqa: F401 - each registers its effects
from bootstrap.engine.effects.dispatch import apply_effect

__all__ = ["apply_effect"]
