"""A cluster in the kubeconfigs that somebody uses: under a context of its own, and out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.kubeconfig_merge import File, ForeignError, merged, read_file, taken_out
from bootstrap.host.fs.mountinfo import mount_points
from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError, Exit

MODE = 0o600
"""Of a file that holds a key."""


def merge_kubeconfig(host: Host, paths: Sequence[str], context: str, kubeconfig: bytes) -> tuple[str, ...]:
    """What `kubeconfig` leads to is `context` then, and the current one; returns the files that changed.

    `paths` are those that kubectl would read. Raises BootstrapError, with every file as it was: exit 3 (one is broken),
    5 (it cannot be written), 8 (locked, or the name is somebody else's).
    """
    cluster = read_kubeconfig(kubeconfig)
    there = [path for path in paths if host.stat(path)]
    target = next(iter(there), paths[-1])

    def change(files: Sequence[File]) -> dict[str, bytes]:
        try:
            return merged(files, target, context, cluster)
        except ForeignError as e:
            raise BootstrapError(
                str(e),
                code=Exit.CONFLICT,
                why="what others have in a kubeconfig is never replaced",
                fix=f"take another name (--context), or take that one away: kubectl config delete-context {context}; "
                f"kubectl config delete-cluster {context}; kubectl config delete-user {context}",
            ) from None

    if not host.stat(folder := _folder(target)):
        host.mkdir(folder, 0o755)
    return _change(host, [path for path in paths if path == target or path in there], change)


def take_out_kubeconfig(host: Host, paths: Sequence[str], context: str) -> tuple[str, ...]:
    """`context`, if it is ours, with its cluster and user; errors are those of `merge_kubeconfig`."""
    return _change(host, [path for path in paths if host.stat(path)], lambda files: taken_out(files, context))


def _change(host: Host, paths: Sequence[str], change: Callable[[Sequence[File]], dict[str, bytes]]) -> tuple[str, ...]:
    with ExitStack() as held:
        for path in sorted(paths):  # the order in which kubectl takes them
            held.enter_context(host.lock_file(f"{path}.lock"))
        files = [_read(host, path) for path in paths]
        try:
            changed = change(files)
        except ValueError as e:
            raise _broken(" or ".join(paths), str(e)) from None
        for path, content in changed.items():
            _write(host, path, content)
    return tuple(changed)


def _read(host: Host, path: str) -> File:
    try:
        return read_file(path, host.read(path))
    except ValueError as e:
        raise _broken(path, str(e)) from None


def _broken(path: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"{path} cannot be changed, and was left as it is",
        code=Exit.CONFIG,
        why=why,
        fix="correct it, or move it away, or name another file in KUBECONFIG; then run the same command again",
    )


def _write(host: Host, path: str, content: bytes) -> None:
    """It belongs to whom it did, or to whom its folder belongs: root in a container is not who uses it."""
    place = host.resolve(path)
    if host.reach(place) in mount_points():
        raise BootstrapError(
            f"{path} is mounted by itself, so that it cannot be replaced in one step",
            code=Exit.EFFECT,
            fix="mount the folder that it is in (-v ~/.kube:/root/.kube)",
        )
    owner = host.stat(place) or host.stat(_folder(place))
    host.write(place, content, MODE, (owner.uid, owner.gid) if owner else (0, 0))


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"
