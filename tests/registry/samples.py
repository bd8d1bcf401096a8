"""Small images made here, and how they get into a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.host.bundle.file import Trust, verified
from bootstrap.model.images import oci
from tests.registry.servers import RegistryServer

LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Image:
    """Manifests by digest (`top` is what a tag points at), and blobs by digest."""

    top: str
    manifests: Mapping[str, tuple[str, bytes]]
    blobs: Mapping[str, bytes]
    platforms: Mapping[str, tuple[str, str]]
    """Architecture → digests of manifest and configuration."""


def make_image(
    seed: str,
    architectures: Sequence[str] = ("amd64", "arm64"),
    size: int = 4096,
    binary: bytes = b"",
    indexed: bool = True,
) -> Image:
    """Two layers for each architecture, `size` bytes that do not compress; `binary` becomes /app in all of them."""
    manifests: dict[str, tuple[str, bytes]] = {}
    blobs: dict[str, bytes] = {}
    platforms: dict[str, tuple[str, str]] = {}
    entries = []
    for architecture in architectures:
        noise = random.Random(f"{seed}/{architecture}").randbytes(size)  # noqa: S311 - content, not a secret
        tars = [_tar({"etc/seed": seed.encode()}), _tar({"data": noise, **({"app": binary} if binary else {})})]
        layers = [gzip.compress(tar, 1, mtime=0) for tar in tars]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/app"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
        }
        config_bytes = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": _descriptor(oci.CONFIG, config_bytes),
            "layers": [_descriptor(LAYER_GZIP, layer) for layer in layers],
        }
        body = json.dumps(manifest).encode()
        blobs |= {digest(data): data for data in (config_bytes, *layers)}
        manifests[digest(body)] = (oci.MANIFEST, body)
        platforms[architecture] = (digest(body), digest(config_bytes))
        entries.append(_descriptor(oci.MANIFEST, body) | {"platform": {"os": "linux", "architecture": architecture}})
    if not indexed:
        assert len(entries) == 1
        return Image(str(entries[0]["digest"]), manifests, blobs, platforms)
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries}).encode()
    manifests[digest(index)] = (oci.INDEX, index)
    return Image(digest(index), manifests, blobs, platforms)


def from_engine(name: str) -> Image:
    """An image of the Docker engine, from what `docker save` writes."""
    saved = subprocess.run(["docker", "save", name], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}  # type: ignore[union-attr]
    described = json.loads(files["manifest.json"])[0]
    config, layers = files[described["Config"]], [files[layer] for layer in described["Layers"]]
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "config": _descriptor(oci.CONFIG, config),
        "layers": [_descriptor(oci.LAYER, layer) for layer in layers],
    }
    body = json.dumps(manifest).encode()
    architecture = json.loads(config)["architecture"]
    blobs = {digest(data): data for data in (config, *layers)}
    return Image(
        digest(body), {digest(body): (oci.MANIFEST, body)}, blobs, {architecture: (digest(body), digest(config))}
    )


def from_bundle(path: Path) -> dict[str, Image]:
    """Every image of an unsigned bundle by its name, with exactly the blobs that it needs."""
    with verified(path, Trust(unsigned=True)) as bundle:
        blobs = {member.digest: b"".join(content) for member, content in bundle.blobs()}
    images = {}
    for image in bundle.manifest.images:
        top, needed = str(image.target["digest"]), set[str]()
        manifests = {top: (str(image.target["mediaType"]), blobs[top])}
        for platform in image.platforms:
            body = json.loads(blobs[platform.manifest])
            manifests[platform.manifest] = (str(body["mediaType"]), blobs[platform.manifest])
            needed |= {platform.config, *(str(layer["digest"]) for layer in body["layers"])}
        platforms = {p.architecture: (p.manifest, p.config) for p in image.platforms}
        images[image.reference] = Image(top, manifests, {name: blobs[name] for name in needed}, platforms)
    return images


def push(
    server: RegistryServer, repository: str, tag: str, image: Image, headers: Mapping[str, str] | None = None
) -> None:
    """By the distribution specification: blobs in one PUT each, manifests, the top one under the tag too."""
    headers = dict(headers or {})
    for name, data in image.blobs.items():
        _, answer = _ask(server, "POST", f"/v2/{repository}/blobs/uploads/", b"", headers, 202)
        where = answer["Location"]
        path = where[where.index("/v2/") :]
        _ask(server, "PUT", f"{path}&digest={name}", data, {**headers, "Content-Type": "application/octet-stream"}, 201)
    ordered = sorted(image.manifests, key=lambda name: name == image.top)
    for name in ordered:
        kind, body = image.manifests[name]
        for reference in (name, tag) if name == image.top else (name,):
            path = f"/v2/{repository}/manifests/{reference}"
            _ask(server, "PUT", path, body, {**headers, "Content-Type": kind}, 201)


def _ask(
    server: RegistryServer, method: str, path: str, body: bytes, headers: Mapping[str, str], wanted: int
) -> tuple[bytes, Mapping[str, str]]:
    connection = server.connect()
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == wanted, f"{method} {path}: {answer.status} {content!r}"
        return content, answer.headers
    finally:
        connection.close()


def _descriptor(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def _tar(files: Mapping[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return output.getvalue()
