"""What belongs into a bundle, in which order, and whether all of it is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.formats.yaml_reader import parse_one
from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.model.images.bundle import (
    MEMBER_LIMIT,
    BundledImage,
    BundleManifest,
    Damaged,
    PlatformImage,
    index_of,
)
from bootstrap.model.images.oci import INDEX_FILE, INDEXES, MANIFESTS, Descriptor, is_descriptor
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.addons import builtin
from bootstrap.render.addons.foreign import addon_images
from bootstrap.render.addons.manifest_images import images_of
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.render.images import required

Documents = Callable[[Descriptor], bytes]
"""The bytes of an index, a manifest or a configuration; whoever gives them has checked the digest."""


@dataclass(frozen=True)
class Collected:
    """One image for some architectures; `blobs` are the descriptors of all it consists of, the target first."""

    platforms: tuple[PlatformImage, ...]
    blobs: tuple[Descriptor, ...]


def critical(cfg: ClusterConfig) -> tuple[str, ...]:
    """What has to be there for the API server of this machine to start, in the order of its start; else for any Pod."""
    etcd = [required.etcd(cfg, cfg.local_etcd)] if cfg.local_etcd else []
    server = [required.kubernetes(cfg, "kube-apiserver")] if cfg.node.api else []
    return (required.pause(cfg), *etcd, *server)


def references(
    cfg: ClusterConfig,
    facts: HostFacts,
    manifests: Mapping[str, str],
    patches: Mapping[str, bytes],
    extra: Sequence[Addon] = (),
) -> tuple[str, ...]:
    """Every image that this configuration uses, critical ones first: kubeadm's set, and what Pods and add-ons name."""
    pods = [parse_one(file.content) for file in static_pods(cfg, facts, patches)] if cfg.node.api else []
    pods += builtin.kube_proxy(cfg, facts, manifests, patches)
    pods += builtin.flannel(cfg, facts, manifests)
    pods += builtin.coredns(cfg, facts, manifests, patches)
    named = list(images_of(tuple(pods), config_maps=False))
    named += [name for addon in extra for name in addon_images(addon, cfg, facts)]
    return tuple(dict.fromkeys([*critical(cfg), *required.needed(cfg), *named]))


def not_in(manifest: BundleManifest, wanted: Sequence[str], architectures: Sequence[str]) -> tuple[str, ...]:
    """Closure: one line for each wanted image that the bundle lacks, altogether or for an architecture."""
    there = [(parse_reference(image.reference), image) for image in manifest.images]
    missing = []
    for reference in wanted:
        asked = parse_reference(reference)
        image = next((image for name, image in there if asked.means(name, image.target["digest"])), None)
        lacking = [name for name in architectures if not image or not image.platform(name)]
        if lacking:
            missing.append(f"{reference} ({', '.join(lacking)})")
    return tuple(missing)


def collect(target: Descriptor, documents: Documents, architectures: Sequence[str]) -> Collected:
    """Walks from a target down to the layers. Raises Damaged when an architecture or a field is missing."""
    if target["mediaType"] in INDEXES:
        blobs, manifests = [_plain(target)], _children(target, documents, architectures)
    elif target["mediaType"] in MANIFESTS:
        blobs, manifests = [], [_plain(target)]
    else:
        raise Damaged(f"its media type is {target['mediaType']!r}, which is no image")
    platforms = []
    for descriptor in manifests:
        config, *layers = _parts(descriptor, documents)
        blobs += [descriptor, config, *layers]
        architecture = str(_parsed(documents(config), config).get("architecture"))
        platforms.append(PlatformImage(architecture, descriptor["digest"], config["digest"]))
    found = tuple(platform.architecture for platform in platforms)
    if found != tuple(architectures):
        raise Damaged(f"it is for {', '.join(found)}, not for {', '.join(architectures)}")
    return Collected(tuple(platforms), tuple(blobs))


def _children(target: Descriptor, documents: Documents, architectures: Sequence[str]) -> list[Descriptor]:
    """The manifests of an index for some architectures."""
    listed = _parsed(documents(target), target).get("manifests")
    if not isinstance(listed, list):
        raise Damaged(f"{target['digest']} is not an index of images")
    children = {_architecture(child): child for child in reversed(listed)}
    lacking = [name for name in architectures if name not in children]
    if lacking:
        raise Damaged(f"it is not there for {', '.join(lacking)}")
    return [_plain(children[name]) for name in architectures]


def _parts(descriptor: Descriptor, documents: Documents) -> list[Descriptor]:
    """What a manifest consists of: its configuration, then its layers."""
    manifest = _parsed(documents(descriptor), descriptor)
    layers = manifest.get("layers")
    if not isinstance(layers, list):
        raise Damaged(f"{descriptor['digest']} is not an image's manifest")
    return [_plain(blob) for blob in (manifest.get("config"), *layers)]


def check_graph(manifest: BundleManifest, documents: Mapping[str, bytes], index: bytes) -> None:
    """The index, the images and the members say the same. Raises Damaged.

    `documents` are the members that images name as target, manifest or configuration, by digest.
    """
    if index != index_of(manifest):
        raise Damaged(f"{INDEX_FILE} is not the index of the images in its manifest")
    sizes = {member.digest: member.size for member in manifest.members}
    used: set[str] = set()
    for image in manifest.images:
        found = _collected(image, documents)
        if found.platforms != image.platforms:
            raise Damaged(f"{image.reference} has other manifests than its manifest says")
        for blob in found.blobs:
            if sizes.get(blob["digest"]) != blob["size"]:
                raise Damaged(f"{image.reference} needs {blob['digest']}, which is not in it in that size")
            used.add(blob["digest"])
    extra = [
        member.name for member in manifest.members if member.name.startswith("blobs/") and member.digest not in used
    ]
    if extra:
        raise Damaged(f"{extra[0]} belongs to no image")


def documents_of(manifest: BundleManifest) -> frozenset[str]:
    """Digests of everything in a bundle that is JSON: small, and looked into."""
    return frozenset(
        digest
        for image in manifest.images
        for digest in (image.target["digest"], *(d for p in image.platforms for d in (p.manifest, p.config)))
    )


def _collected(image: BundledImage, documents: Mapping[str, bytes]) -> Collected:
    def document(descriptor: Descriptor) -> bytes:
        if descriptor["digest"] not in documents:
            raise Damaged(f"{image.reference} needs {str(descriptor['digest'])[:80]}, which is not in it")
        return documents[descriptor["digest"]]

    try:
        return collect(image.target, document, [platform.architecture for platform in image.platforms])
    except Damaged as e:
        raise Damaged(f"{image.reference}: {e}") from e


def _parsed(content: bytes, descriptor: Descriptor) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as e:
        raise Damaged(f"{descriptor['digest']} is not JSON") from e
    if not isinstance(found, dict):
        raise Damaged(f"{descriptor['digest']} is not a JSON object")
    return found


def _architecture(child: Any) -> str:
    """Of Linux manifests in an index; everything else (attestations, Windows) has none."""
    platform = child.get("platform") if isinstance(child, Mapping) else None
    if not isinstance(platform, Mapping) or platform.get("os") != "linux":
        return ""
    return str(platform.get("architecture", ""))


def _plain(descriptor: Any) -> Descriptor:
    """What a blob is, without what an index says about it. Raises Damaged when something else stands there."""
    if not is_descriptor(descriptor):
        raise Damaged("a descriptor lacks its type, its digest or its size")
    if descriptor["size"] > MEMBER_LIMIT:
        raise Damaged(f"{descriptor['digest']} says that it has {descriptor['size']} bytes, over {MEMBER_LIMIT}")
    return {key: descriptor[key] for key in ("mediaType", "digest", "size")}
