"""Bundles that are wrong in one way each, derived from a good one."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.bundle.tar import header
from bootstrap.host.bundle.zstd import zstd
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.sources import LayoutSource
from bootstrap.model.images.bundle import ArchiveMember, BundleManifest, blob_name, decode, index_of, named
from bootstrap.model.images.oci import CONFIG, INDEX, LAYER, MANIFEST
from bootstrap.render.bundle.signature import new_key, sign
from bootstrap.workflows.images.bundle_create import Contents, create

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARCHITECTURE = "amd64"
CRITICAL = "registry.example/pause:1"
OTHER = "registry.example/team/app:2"
BLOCK = 512
GIB = 1 << 30


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(name: str, size: int) -> bytes:
    """A layer's tar with one file that does not compress."""
    content = b"".join(hashlib.sha256(f"{name}{i}".encode()).digest() for i in range(size // 32))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def add(layout: Layout, content: bytes, kind: str) -> dict[str, Any]:
    layout.add(io.BytesIO(content), digest(content))
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def add_image(layout: Layout, layers: list[bytes], architecture: str = ARCHITECTURE) -> dict[str, Any]:
    """An image for one platform; the descriptor of its manifest."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(content) for content in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": add(layout, json.dumps(config).encode(), CONFIG),
        "layers": [add(layout, content, LAYER) for content in layers],
    }
    described = add(layout, json.dumps(manifest).encode(), MANIFEST)
    return {**described, "platform": {"os": "linux", "architecture": architecture}}


def small_layout(path: Path) -> Layout:
    """Two images that share a layer; the second one also for arm64, as an index."""
    layout, shared = Layout(path), layer("shared", 200_000)
    pause = add_image(layout, [shared])
    children = [add_image(layout, [shared, layer("app", 300_000)]), add_image(layout, [layer("arm", 1000)], "arm64")]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    app = add(layout, json.dumps(index).encode(), INDEX)
    layout.set_index([named(pause, CRITICAL), named(app, OTHER)])
    return layout


def small_contents(*images: str, architectures: tuple[str, ...] = (ARCHITECTURE,)) -> Contents:
    cfg = resolve(Documents(), Overrides(), ANY_HOST)
    return Contents(cfg, images or (CRITICAL, OTHER), (CRITICAL,), architectures)


@dataclass(frozen=True)
class Good:
    """A good bundle: its file, the key pair, and the tar inside."""

    path: Path
    private: bytes
    public: bytes

    @property
    def packed(self) -> bytes:
        return self.path.read_bytes()

    @property
    def members(self) -> list[tuple[str, bytes]]:
        with tarfile.open(fileobj=io.BytesIO(zstd.decompress(self.packed))) as archive:
            return [(m.name, archive.extractfile(m).read()) for m in archive]  # type: ignore[union-attr]

    @property
    def manifest(self) -> BundleManifest:
        return decode(dict(self.members)["bundle.json"])

    def signed(self, manifest: bytes, members: list[tuple[str, bytes]]) -> bytes:
        """A bundle whose manifest was signed by the trusted key: its maker is hostile, or has a bug."""
        return packed([("bundle.json", manifest), ("bundle.sig", sign(self.private, manifest)), *members])


def good_bundle(folder: Path) -> Good:
    private, public = new_key()
    path = folder / "good.bundle"
    source = LayoutSource(small_layout(folder / "layout"), "layout:test")
    create(small_contents(), [source], private, path, NOW)
    return Good(path, private, public)


def tar(members: list[tuple[str, bytes]], end: bytes = bytes(2 * BLOCK)) -> bytes:
    return b"".join(header(n, len(c)) + c + bytes(-len(c) % BLOCK) for n, c in members) + end


def packed(members: list[tuple[str, bytes]]) -> bytes:
    return zstd.compress(tar(members), 1)


def head(kind: bytes = tarfile.REGTYPE, name: str = "x", link: str = "", **fields: Any) -> bytes:
    """A tar header as an attacker writes it."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    for field, value in fields.items():
        setattr(member, field, value)
    return member.tobuf(tarfile.GNU_FORMAT)


Case = tuple[str, Callable[[Good], bytes]]


def cases() -> Iterator[Case]:
    """Name and content of each wrong bundle."""
    yield from _cut()
    yield from _flipped()
    yield from _members()
    yield from _hostile_headers()
    yield from _bombs()
    yield from _signatures()
    yield from _signed_nonsense()


def _cut() -> Iterator[Case]:
    for name, part in (("nothing", 0.0), ("a-tenth", 0.1), ("half", 0.5), ("nearly-all", 0.99)):
        yield f"cut-{name}", lambda good, part=part: good.packed[: int(len(good.packed) * part)]
    yield "cut-last-byte", lambda good: good.packed[:-1]
    for count in (1, 2, 5, 8):
        yield (
            f"cut-at-member-{count}",
            lambda good, count=count: zstd.compress(tar(good.members[:count], end=b""), 1),
        )
        yield f"ends-properly-after-member-{count}", lambda good, count=count: packed(good.members[:count])
    yield "cut-in-a-header", lambda good: zstd.compress(tar(good.members)[: BLOCK // 2], 1)
    yield "no-end", lambda good: zstd.compress(tar(good.members, end=b""), 1)
    yield "half-an-end", lambda good: zstd.compress(tar(good.members, end=bytes(BLOCK)), 1)


def _flip(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def _flipped() -> Iterator[Case]:
    for part in (0.0, 0.3, 0.6, 0.999):
        yield f"flipped-bit-in-the-file-{part}", lambda good, p=part: _flip(good.packed, int(len(good.packed) * p))
    for number in range(9):

        def flipped(good: Good, number: int = number) -> bytes:
            members = good.members
            name, content = members[number]
            members[number] = (name, _flip(content, len(content) // 2))
            return packed(members)

        yield f"flipped-bit-in-member-{number}", flipped
    yield "flipped-bit-in-padding", lambda good: zstd.compress(_flip(tar(good.members), -BLOCK * 2 - 1), 1)
    yield "no-zstd", lambda good: tar(good.members)
    yield "text", lambda good: b"apiVersion: v1\n" * 100


def _without(good: Good, number: int) -> list[tuple[str, bytes]]:
    return [member for i, member in enumerate(good.members) if i != number]


def _members() -> Iterator[Case]:
    for number in (0, 1, 2, 3, 4, 5, -1):
        yield (
            f"without-member-{number}",
            lambda good, n=number: packed(_without(good, n % len(good.members))),
        )
    extra = ("blobs/sha256/" + "0" * 64, b"extra")
    yield "extra-member-at-the-end", lambda good: packed([*good.members, extra])
    yield "extra-member-in-between", lambda good: packed([*good.members[:6], extra, *good.members[6:]])
    yield "member-twice", lambda good: packed([*good.members[:6], good.members[5], *good.members[6:]])
    yield "other-order", lambda good: packed([*good.members[:5], *reversed(good.members[5:])])
    yield "something-behind", lambda good: good.packed + b"more"
    yield "a-second-frame", lambda good: good.packed + zstd.compress(b"more")
    yield "behind-the-end-of-the-tar", lambda good: zstd.compress(tar(good.members) + b"more", 1)


def _hostile_headers() -> Iterator[Case]:
    headers = {
        "traversal": head(name="../../etc/cron.d/x", size=0),
        "absolute": head(name="/etc/cron.d/x", size=0),
        "symlink": head(tarfile.SYMTYPE, "blobs/sha256/x", "/etc/passwd"),
        "hardlink": head(tarfile.LNKTYPE, "blobs/sha256/x", "../../etc/shadow"),
        "character-device": head(tarfile.CHRTYPE, "null", devmajor=1, devminor=3),
        "block-device": head(tarfile.BLKTYPE, "sda", devmajor=8, devminor=0),
        "fifo": head(tarfile.FIFOTYPE, "fifo"),
        "folder": head(tarfile.DIRTYPE, "blobs"),
        "sparse": head(tarfile.GNUTYPE_SPARSE, "sparse"),
        "long-name": head(tarfile.GNUTYPE_LONGNAME, "././@LongLink", size=0),
        "pax": head(tarfile.XHDTYPE, "pax", size=0),
        "global-pax": head(tarfile.XGLTYPE, "pax", size=0),
    }
    for name, block in headers.items():

        def inserted(good: Good, block: bytes = block) -> bytes:
            return zstd.compress(tar(good.members[:5], b"") + block + tar(good.members[5:]), 1)

        yield f"header-{name}", inserted
        yield f"first-header-{name}", lambda good, block=block: zstd.compress(block + tar(good.members), 1)
    for field, value in (("mode", 0o4755), ("uid", 1000), ("mtime", 1), ("uname", "root")):

        def changed(good: Good, field: str = field, value: Any = value) -> bytes:
            name, content = good.members[5]
            block = head(name=name, **{"size": len(content), "mode": 0o644, field: value})
            rest = content + bytes(-len(content) % BLOCK)
            return zstd.compress(tar(good.members[:5], b"") + block + rest + tar(good.members[6:]), 1)

        yield f"header-with-{field}", changed

    for text in (b"-0000000001", b"+0000000001", b"0x000000001", b"0_000000001", b"          1", b"\x80" + bytes(10)):

        def sized(good: Good, text: bytes = text) -> bytes:
            block = bytearray(head(name="bundle.json", size=1, mode=0o644))
            block[124:135], block[148:156] = text, b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
            return zstd.compress(bytes(block) + tar(good.members)[BLOCK:], 1)

        yield f"size-of-the-first-{text.strip().hex()[:8]}", sized


def zeros(prefix: bytes, size: int) -> bytes:
    """A stream that grows by a thousand times and more."""
    packer = zstd.ZstdCompressor(1)
    pieces = [packer.compress(prefix)]
    pieces += [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*pieces, packer.flush()])


def _bombs() -> Iterator[Case]:
    yield "bomb-manifest", lambda good: zeros(head(name="bundle.json", size=2 * GIB, mode=0o644), 2 * GIB)
    yield (
        "bomb-signature",
        lambda good: zeros(tar(good.members[:1], b"") + head(name="bundle.sig", size=GIB, mode=0o644), GIB),
    )
    yield (
        "bomb-sbom",
        lambda good: zeros(tar(good.members[:2], b"") + head(name="sbom.spdx.json", size=2 * GIB, mode=0o644), 2 * GIB),
    )

    def blob(good: Good) -> bytes:
        name = good.members[5][0]
        return zeros(tar(good.members[:5], b"") + head(name=name, size=2 * GIB, mode=0o644), 2 * GIB)

    yield "bomb-blob", blob
    yield "bomb-behind-the-end", lambda good: zeros(tar(good.members), GIB)
    yield "bomb-of-nested-frames", lambda good: zstd.compress(zeros(b"", GIB))
    yield "bomb-window", _large_window
    nested = b"[" * 1_000_000
    yield "bomb-nested-json", lambda good: good.signed(nested, good.members[2:])


def _large_window(good: Good) -> bytes:
    parameter = zstd.CompressionParameter
    packer = zstd.ZstdCompressor(options={parameter.window_log: 30, parameter.compression_level: 1})
    return packer.compress(tar(good.members)) + packer.flush()


def _signatures() -> Iterator[Case]:
    def unsigned(good: Good) -> bytes:
        members = good.members
        members[1] = ("bundle.sig", b"")
        return packed(members)

    def resigned(good: Good) -> bytes:
        members = good.members
        members[1] = ("bundle.sig", sign(new_key()[0], members[0][1]))
        return packed(members)

    def pretended(good: Good) -> bytes:
        """Another key's signature under the trusted key's id."""
        members = good.members
        other = json.loads(sign(new_key()[0], members[0][1]))
        members[1] = ("bundle.sig", json.dumps({**json.loads(members[1][1]), "signature": other["signature"]}).encode())
        return packed(members)

    def of_another(good: Good) -> bytes:
        members = good.members
        members[1] = ("bundle.sig", sign(good.private, b"{}"))
        return packed(members)

    yield from (("unsigned", unsigned), ("signed-by-another", resigned), ("pretended-signer", pretended))
    yield "signature-of-another-bundle", of_another
    for name, content in (("text", b"yes"), ("list", b"[]"), ("null", b'{"keyId":null,"signature":null}')):

        def garbage(good: Good, content: bytes = content) -> bytes:
            members = good.members
            members[1] = ("bundle.sig", content)
            return packed(members)

        yield f"signature-{name}", garbage


def _signed_nonsense() -> Iterator[Case]:
    """Signed by the trusted key, and wrong all the same."""

    def edited(edit: Callable[[Any], Any]) -> Callable[[Good], bytes]:
        def make(good: Good) -> bytes:
            body = json.loads(good.manifest.encode())
            edit(body)
            return good.signed(json.dumps(body).encode(), good.members[2:])

        return make

    def hidden(good: Good) -> bytes:
        """A blob that no image uses."""
        extra = b"malware"
        member = ArchiveMember(blob_name(digest(extra)), digest(extra), len(extra))
        manifest = dataclasses.replace(good.manifest, members=(*good.manifest.members, member))
        return good.signed(manifest.encode(), [*good.members[2:], (member.name, extra)])

    def lacking(good: Good) -> bytes:
        """Neither the archive nor the manifest has the last layer."""
        manifest = dataclasses.replace(good.manifest, members=good.manifest.members[:-1])
        return good.signed(manifest.encode(), good.members[2:-1])

    def other_index(good: Good) -> bytes:
        """The index gives the first image's name to the second one."""
        first, second = good.manifest.images
        swapped = index_of(
            dataclasses.replace(good.manifest, images=(dataclasses.replace(first, target=second.target),))
        )
        member = ArchiveMember("index.json", digest(swapped), len(swapped))
        manifest = dataclasses.replace(
            good.manifest, members=(*good.manifest.members[:2], member, *good.manifest.members[3:])
        )
        return good.signed(manifest.encode(), [*good.members[2:4], ("index.json", swapped), *good.members[5:]])

    yield from (("hidden-blob", hidden), ("lacking-layer", lacking), ("other-index", other_index))
    yield "other-format", edited(lambda body: body.update(format="bootstrap-bundle/v9"))
    yield "no-members", edited(lambda body: body.update(members=[]))
    yield "member-traversal", edited(lambda body: body["members"][5].update(name="../../etc/passwd"))
    yield "member-digest-is-a-path", edited(lambda body: body["members"][5].update(digest="sha256:../../etc/passwd"))
    yield "member-size-negative", edited(lambda body: body["members"][5].update(size=-1))
    yield "member-size-a-float", edited(lambda body: body["members"][5].update(size=1e300))
    yield "member-size-huge", edited(lambda body: body["members"][5].update(size=1 << 60))
    yield "members-too-large", edited(lambda body: [m.update(size=(8 << 30) - 1) for m in body["members"]])
    yield "target-digest-is-a-path", edited(lambda body: body["images"][0]["target"].update(digest="sha256:/etc"))
    yield "target-of-another-type", edited(lambda body: body["images"][0]["target"].update(mediaType="text/html"))
    yield "reference-is-an-option", edited(lambda body: body["images"][0].update(reference="--all"))
    yield "reference-with-a-newline", edited(lambda body: body["images"][0].update(reference="a\nb"))
    yield (
        "config-swapped",
        edited(
            lambda body: body["images"][0]["platforms"][0].update(config=body["images"][1]["platforms"][0]["config"])
        ),
    )
    yield (
        "platform-that-is-not-there",
        edited(lambda body: body["images"][1]["platforms"][0].update(architecture="s390x")),
    )
    yield "images-a-number", edited(lambda body: body.update(images=7))
