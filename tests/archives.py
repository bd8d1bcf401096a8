"""Archives of images as the tools of the field write them, made of small images."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

from bootstrap.model.images import oci
from tests.registry.samples import Image, digest, make_image

IN_TOTO = "application/vnd.in-toto+json"
ATTESTATION = {"architecture": "unknown", "os": "unknown"}


def tar(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return out.getvalue()


def layout(entries: Sequence[tuple[str, str]], blobs: Mapping[str, bytes], more: Mapping[str, bytes]) -> bytes:
    """An OCI layout in a tar; `entries` are names (empty: none) and the digests that they stand for."""
    listed = []
    for name, target in entries:
        kind = json.loads(blobs[target])["mediaType"]
        described = {"mediaType": kind, "digest": target, "size": len(blobs[target])}
        listed.append(described | ({"annotations": {oci.IMAGE_NAME: name}} if name else {}))
    files = {f"{oci.BLOBS}/{name.removeprefix('sha256:')}": content for name, content in blobs.items()}
    index = json.dumps({"schemaVersion": 2, "manifests": listed}).encode()
    return tar({**files, oci.LAYOUT_FILE: oci.LAYOUT, oci.INDEX_FILE: index, **more})


def contents(image: Image, architecture: str = "") -> dict[str, bytes]:
    """All blobs of an image, or its top and what one platform consists of."""
    manifests = {name: body for name, (_, body) in image.manifests.items()}
    if not architecture:
        return {**manifests, **image.blobs}
    manifest = json.loads(manifests[image.platforms[architecture][0]])
    kept = {image.top, image.platforms[architecture][0], manifest["config"]["digest"]}
    kept |= {layer["digest"] for layer in manifest["layers"]}
    return {name: content for name, content in {**manifests, **image.blobs}.items() if name in kept}


def of_the_containerd_store(name: str, image: Image, architecture: str) -> bytes:
    """`docker save` of an engine with the containerd image store: the index as it was pulled, one platform's blobs."""
    return layout([(name, image.top)], contents(image, architecture), {})


def attested(seed: str, architecture: str) -> Image:
    """What BuildKit makes: an index of an image and of an attestation, which is for no platform."""
    image = make_image(seed, [architecture], indexed=False)
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v0.1"}).encode()
    config = json.dumps({**ATTESTATION, "rootfs": {"type": "layers", "diff_ids": [digest(statement)]}}).encode()
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": {"mediaType": oci.CONFIG, "digest": digest(config), "size": len(config)},
            "layers": [
                {"mediaType": "application/vnd.in-toto+json", "digest": digest(statement), "size": len(statement)}
            ],
        }
    ).encode()
    top = image.manifests[image.top][1]
    entries = [
        {"mediaType": oci.MANIFEST, "digest": digest(body), "size": len(body), "platform": ATTESTATION},
        {
            "mediaType": oci.MANIFEST,
            "digest": image.top,
            "size": len(top),
            "platform": {"os": "linux", "architecture": architecture},
        },
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries}).encode()
    manifests = {**image.manifests, digest(body): (oci.MANIFEST, body), digest(index): (oci.INDEX, index)}
    blobs = {**image.blobs, digest(config): config, digest(statement): statement}
    return Image(digest(index), manifests, blobs, image.platforms)


def of_an_old_docker(tags: Sequence[str], image: Image, architecture: str, packed: bool = False) -> bytes:
    """`docker save` before Docker 25: `manifest.json`, a folder for each layer, the second one a link."""
    manifest = json.loads(image.manifests[image.platforms[architecture][0]][1])
    config = image.blobs[manifest["config"]["digest"]]
    plain = [gzip.decompress(image.blobs[layer["digest"]]) for layer in manifest["layers"]]
    layers = [gzip.compress(content, mtime=0) if packed else content for content in plain]
    files = {"elsewhere/layer.tar": layers[0], "second/layer.tar": layers[1], "abc.json": config}
    entry = {"Config": "abc.json", "RepoTags": list(tags) or None, "Layers": ["first/layer.tar", "second/layer.tar"]}
    files["manifest.json"] = json.dumps([entry]).encode()
    return tar(files, {"first/layer.tar": "../elsewhere/layer.tar"})
