"""What has to be sent to a containerd, and which image waits for which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bootstrap.model.images.bundle import BundleManifest
from bootstrap.model.images.oci import Descriptor
from bootstrap.render.bundle.contents import collect


@dataclass
class Group:
    """All names of one target. `unsent` are the blobs that come with it, `needs` the targets that bring others."""

    target: Descriptor
    names: list[str]
    digests: set[str]
    unsent: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)

    @property
    def digest(self) -> str:
        return str(self.target["digest"])


def groups(
    manifest: BundleManifest,
    documents: Mapping[str, bytes],
    architecture: str,
    there: Mapping[str, str],
) -> list[Group]:
    """What to load, in the bundle's order: names that are missing or mean something else (`there`: name → digest).

    CRI knows each image by its configuration's digest too: one with the same configuration in another manifest will do.
    """
    found: dict[str, Group] = {}
    for image in manifest.images:
        digest = image.target["digest"]
        platform = image.platform(architecture)
        if not platform or there.get(image.reference) in (digest, there.get(platform.config, digest)):
            continue
        if digest not in found:
            blobs = collect(image.target, lambda d: documents[d["digest"]], [architecture]).blobs
            found[digest] = Group(image.target, [], {blob["digest"] for blob in blobs})
        found[digest].names.append(image.reference)
    return list(found.values())


def share_out(found: list[Group], there: Collection[str]) -> None:
    """Each blob that is not there is sent once, with the first image that needs it; others wait for that one."""
    owner: dict[str, Group] = {}
    for group in found:
        for digest in group.digests.difference(there):
            first = owner.setdefault(digest, group)
            if first is group:
                group.unsent.add(digest)
            else:
                group.needs.add(first.digest)
