"""The files of an add-on: one, several, or those of a directory as `kubectl apply -f DIRECTORY` takes them."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.formats.encoding import EncodingError, decoded
from bootstrap.host.port import HostReader
from bootstrap.model.addon import AddonSource
from bootstrap.model.errors import BootstrapError, Exit

SUFFIXES = (".yaml", ".yml", ".json")
RENDERED_BY = {
    "kustomization.yaml": "kubectl kustomize {0} > FILE",
    "kustomization.yml": "kubectl kustomize {0} > FILE",
    "Kustomization": "kubectl kustomize {0} > FILE",
    "Chart.yaml": "helm template NAME {0} > FILE",
}
"""What makes a directory a source of manifests, not one of manifests, and how they are had from it."""


def read_files(host: HostReader, source: AddonSource) -> tuple[tuple[str, bytes], ...]:
    """Every file with its path, in order. Raises BootstrapError (exit 3)."""
    return tuple((path, _content(host, path, source.name)) for place in source.paths for path in _files(host, place))


def joined(parts: tuple[tuple[str, bytes], ...]) -> bytes:
    """One stream of all files; a file alone as it is. Raises BootstrapError (exit 3)."""
    if len(parts) == 1:
        return parts[0][1]
    try:
        return "".join(f"---\n# {path}\n{decoded(content)}\n" for path, content in parts).encode()
    except EncodingError as e:
        raise BootstrapError("a file of the add-on cannot be read", code=Exit.CONFIG, why=str(e)) from None


def _files(host: HostReader, place: str) -> Iterator[str]:
    stat = host.stat(place)
    if stat is None or stat.kind != "dir":
        yield place
        return
    folder, names = place.rstrip("/"), host.listdir(place)
    for name, command in RENDERED_BY.items():
        if name in names:
            raise BootstrapError(
                f"{place} holds {name}, from which manifests are made",
                code=Exit.CONFIG,
                fix=f"make them, and give that file: {command.format(folder)}",
            )
    found = [name for name in sorted(names) if name.endswith(SUFFIXES)]
    if not found:
        raise BootstrapError(
            f"{place} is a directory without a manifest",
            code=Exit.CONFIG,
            why=f"of a directory the files that end in {', '.join(SUFFIXES)} are read, not those in folders below it",
            fix="give the directory with the files, or the files: NAME=/FILE,/FILE",
        )
    yield from (f"{folder}/{name}" for name in found)


def _content(host: HostReader, path: str, name: str) -> bytes:
    content = host.read(path)
    if content is None:
        raise BootstrapError(
            f"cannot read {path}, the manifest of {name}",
            code=Exit.CONFIG,
            why="there is no such file on the host, or in the container where that is the node",
            fix="give the absolute path of a file that exists",
        )
    return content
