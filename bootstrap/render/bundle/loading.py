"""What has to be sent to a containerd, and which image waits for which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bootstrap.model.images.bundle import BundledImage, BundleManifest
from bootstrap.model.images.oci import Descriptor
from bootstrap.model.images.reference import node_names, parse_reference
from bootstrap.render.bundle.contents import collect


@dataclass
class Group:
    """One target and everything that is called by it.

    `references` are those of the bundle, `names` what the node knows them by; `unsent` are the blobs that come with it,
    `needs` the targets that bring others.
    """

    target: Descriptor
    references: list[str]
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

    CRI knows each image by its configuration's digest too: one with the same configuration in another manifest will do,
    unless a digest was asked for.
    """
    found: dict[str, Group] = {}
    tags = {image.reference for image in manifest.images if "@" not in image.reference}
    for image in manifest.images:
        digest = image.target["digest"]
        platform = image.platform(architecture)
        if not platform or there.get(needed_name(image)) in (digest, _equal(image, there.get(platform.config, digest))):
            continue
        if digest not in found:
            blobs = collect(image.target, lambda d: documents[d["digest"]], [architecture]).blobs
            found[digest] = Group(image.target, [], [], {blob["digest"] for blob in blobs})
        found[digest].references.append(image.reference)
        names = node_names(parse_reference(image.reference), digest)
        new = [n for n in names if n == image.reference or n not in tags]  # who asks for the tag alone has it
        found[digest].names += [name for name in new if name not in found[digest].names]
    return list(found.values())


def needed_name(image: BundledImage) -> str:
    """The name by which it is looked up: that of its digest where one was asked for."""
    reference = parse_reference(image.reference)
    return str(reference.under(reference.digest) if reference.digest else reference)


def _equal(image: BundledImage, digest: str) -> str:
    return str(image.target["digest"]) if "@" in image.reference else digest


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
