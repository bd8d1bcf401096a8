"""Files into containers and out of them, by the engine's archives: nothing of it shows in `docker inspect`."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar for the root of a container: files 0600 of root, and the folders that they are in."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in _folders(files):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _folders(files: Mapping[str, bytes]) -> list[str]:
    """Outer ones first."""
    parents = {str(parent) for path in files for parent in PurePosixPath(path.lstrip("/")).parents}
    return sorted(parents - {"."})


def put_files(client: Any, container: str, files: Mapping[str, bytes]) -> None:
    client.api.put_archive(container, "/", packed(files))


def read_folder(client: Any, container: str, path: str) -> dict[str, bytes]:
    """Regular files only, by their path below the folder; nothing where it is not there."""
    return {name.partition("/")[2]: content for name, content in _regular_files(client, container, path)}


def read_file(client: Any, container: str, path: str) -> bytes | None:
    """None when it is not there, or is no regular file; the container may have ended."""
    name = PurePosixPath(path).name
    return next((content for found, content in _regular_files(client, container, path) if found == name), None)


def _regular_files(client: Any, container: str, path: str) -> Iterator[tuple[str, bytes]]:
    """As the archive has them, whose first word is the last one of `path`."""
    import docker

    try:
        chunks, _ = client.api.get_archive(container, path)
    except docker.errors.NotFound:
        return
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                yield member.name, file.read()
