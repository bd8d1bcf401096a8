"""The archive: what is written comes back, through any size of piece, and nothing else passes."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from bootstrap.host.bundle.tar import ArchiveReader, ArchiveWriter, header
from bootstrap.host.bundle.zstd import Compressor, Decompressor, zstd
from bootstrap.model.images.bundle import ArchiveMember, Damaged

CONTENT = bytes(range(256)) * 5000
MEMBER = ArchiveMember("blobs/x", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT))


def written(content: bytes = CONTENT) -> bytes:
    out = io.BytesIO()
    archive = ArchiveWriter(out)
    archive.add("first", b"one")
    archive.begin(MEMBER)
    archive.write(content)
    archive.end(MEMBER)
    archive.close()
    return out.getvalue()


def test_it_is_a_plain_tar() -> None:
    with tarfile.open(fileobj=io.BytesIO(written())) as archive:
        assert [(m.name, m.size, m.mode, m.mtime, m.uid) for m in archive] == [
            ("first", 3, 0o644, 0, 0),
            ("blobs/x", len(CONTENT), 0o644, 0, 0),
        ]


def test_it_comes_back_in_order() -> None:
    reader = ArchiveReader(io.BytesIO(written()))

    assert reader.small("first", 10) == b"one"
    assert b"".join(reader.content(MEMBER)) == CONTENT
    reader.end()


class Trickle(io.BytesIO):
    """Gives less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 333))


def test_small_pieces_make_no_difference() -> None:
    reader = ArchiveReader(Trickle(written()))

    assert reader.small("first", 10) == b"one"
    assert b"".join(reader.content(MEMBER)) == CONTENT
    reader.end()


def test_the_last_piece_is_kept_back_until_the_digest_is_proven() -> None:
    changed = written().replace(CONTENT[-256:], CONTENT[-257:-1])
    reader, got = ArchiveReader(io.BytesIO(changed)), b""
    reader.small("first", 10)

    with pytest.raises(Damaged, match="other bytes"):
        for piece in reader.content(MEMBER):
            got += piece
    assert len(got) < len(CONTENT)


def test_a_source_that_gives_other_bytes_is_noticed_while_writing() -> None:
    with pytest.raises(Damaged, match="other bytes"):
        written(CONTENT[:-1])


def test_a_limit_holds_before_anything_is_read() -> None:
    source = io.BytesIO(header("first", 11) + bytes(11))

    with pytest.raises(Damaged, match="over 10"):
        ArchiveReader(source).small("first", 10)
    assert source.tell() == 512


def test_zstandard_comes_back_and_is_bounded() -> None:
    packed = io.BytesIO()
    packer = Compressor(packed, 1)
    packer.write(bytes(50 << 20))
    packer.close()
    unpacker = Decompressor(io.BytesIO(packed.getvalue()))

    assert len(packed.getvalue()) < 100_000
    assert len(unpacker.read(100 << 20)) <= 1 << 20
    assert len(unpacker.read(7)) == 7


@pytest.mark.parametrize("tail", [b"x", zstd.compress(b"x")])
def test_nothing_may_follow_a_frame(tail: bytes) -> None:
    unpacker = Decompressor(io.BytesIO(zstd.compress(b"all") + tail))
    unpacker.read(3)

    with pytest.raises(Damaged, match="behind"):
        unpacker.end()
