"""Image digests that were written down once, and that every later arrival has to match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.model.images.image import Resolved


@dataclass(frozen=True)
class LockedPlatform:
    """Digests of a platform's manifest and configuration; a Docker engine keeps only the second."""

    manifest: str
    config: str


@dataclass(frozen=True)
class LockedImage:
    """`digest` is what the tag stood for; platforms by their name (`linux/amd64`)."""

    digest: str
    platforms: Mapping[str, LockedPlatform] = field(default_factory=dict)

    def refusal(self, found: Resolved, platform: str) -> str:
        """Why what was found is not what is locked, empty if it is.

        The platform's manifest decides: a mirror that carries fewer platforms has another index around the same image.
        """
        locked = self.platforms.get(platform)
        if locked is None:
            return f"the lock file has no digest for {platform}"
        if found.manifest.digest != locked.manifest:
            return f"has {found.manifest.digest} for {platform}, locked is {locked.manifest}"
        if found.config.digest != locked.config:
            return f"has the configuration {found.config.digest} for {platform}, locked is {locked.config}"
        return ""


Lock = Mapping[str, LockedImage]
"""By the image's full reference."""
