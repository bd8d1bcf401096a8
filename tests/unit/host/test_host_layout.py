"""An OCI image layout: what is added is verified, what is named is checked before it becomes a path."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

from bootstrap.host.fs.replace import replacing
from bootstrap.host.images.layout import Layout
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.oci import DOCUMENT_LIMIT, MANIFEST


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_blob_comes_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "new")

    assert layout.add(io.BytesIO(b"layer"), digest(b"layer")) == 5
    assert layout.has(digest(b"layer"))
    assert layout.size(digest(b"layer")) == 5
    assert layout.open(digest(b"layer")).read() == b"layer"
    assert layout.read(digest(b"layer")) == b"layer"


def test_other_bytes_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError) as refused:
        Layout(tmp_path).add(io.BytesIO(b"other"), digest(b"layer"))

    assert refused.value.code == Exit.IMAGE
    assert list((tmp_path / "blobs/sha256").iterdir()) == []


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("reset")

    with pytest.raises(OSError, match="reset"):
        Layout(tmp_path).add(Broken(), digest(b"layer"))
    assert list((tmp_path / "blobs/sha256").iterdir()) == []


def test_a_blob_that_is_there_is_not_read_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.add(io.BytesIO(b"layer"), digest(b"layer"))
    again = io.BytesIO(b"layer")

    assert layout.add(again, digest(b"layer")) == 5
    assert again.tell() == 0


@pytest.mark.parametrize(
    "name", ["", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "sha512:" + "0" * 128, None]
)
def test_only_digests_become_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(BootstrapError, match="not a digest"):
        Layout(tmp_path).has(name)


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.add(io.BytesIO(b"{}"), digest(b"{}"))
    (tmp_path / "blobs/sha256" / digest(b"{}").removeprefix("sha256:")).write_bytes(b"{]")

    with pytest.raises(BootstrapError, match="arrived as"):
        layout.read(digest(b"{}"))


def test_a_layer_is_not_read_as_a_document(tmp_path: Path) -> None:
    layout, content = Layout(tmp_path), b"x" * (DOCUMENT_LIMIT + 1)
    layout.add(io.BytesIO(content), digest(content))

    with pytest.raises(BootstrapError, match="too large"):
        layout.read(digest(content))


def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    for look in (Layout(tmp_path).open, Layout(tmp_path).size, Layout(tmp_path).read):
        with pytest.raises(BootstrapError, match="has no blob sha256:"):
            look(digest(b"layer"))


def test_the_index_comes_back(tmp_path: Path) -> None:
    described = {"mediaType": MANIFEST, "digest": digest(b"{}"), "size": 2, "annotations": {"a": "b"}}
    layout = Layout(tmp_path / "new")
    layout.set_index([described])

    assert layout.index() == [described]
    assert json.loads((tmp_path / "new/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


@pytest.mark.parametrize(
    ("marker", "index"),
    [
        (None, b'{"manifests":[]}'),
        (b'{"imageLayoutVersion":"1.0.0"}', None),
        (b'{"imageLayoutVersion":"1.0.0"}', b"[]"),
        (b'{"imageLayoutVersion":"1.0.0"}', b'{"manifests":{}}'),
        (b'{"imageLayoutVersion":"2.0.0"}', b'{"manifests":[]}'),
        (b"\xff", b'{"manifests":[]}'),
    ],
)
def test_another_folder_is_no_layout(tmp_path: Path, marker: bytes | None, index: bytes | None) -> None:
    for name, content in (("oci-layout", marker), ("index.json", index)):
        if content is not None:
            (tmp_path / name).write_bytes(content)

    with pytest.raises(BootstrapError) as refused:
        Layout(tmp_path).index()
    assert refused.value.code == Exit.IMAGE


def test_a_file_that_must_be_new_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"old")

    with pytest.raises(FileExistsError), replacing(tmp_path / "key", 0o600, overwrite=False) as file:
        file.write(b"new")
    assert (tmp_path / "key").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_new_file_has_its_mode(tmp_path: Path) -> None:
    with replacing(tmp_path / "key", 0o600, overwrite=False) as file:
        file.write(b"new")

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
