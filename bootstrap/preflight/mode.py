"""Host or node: which of the ways to run is meant, and what is wrong with a mixture of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

NODE = "node"
HOST = "host"
ROOT_DIRECTORIES = ("etc", "proc", "usr", "var")
"""What the root of a Linux host has."""
WRITTEN = ("/etc", "/opt", "/run", "/var/lib")
"""Where host mode writes; /usr may be read-only, since our binaries lie below /opt."""
HOST_OPTIONS = ("--privileged", "--pid=host", "--network=host", "-v /:/host")
NODE_RUN = f"docker run -d --privileged {names.IMAGE} init"


@dataclass(frozen=True)
class UserNamespace:
    """The first line of /proc/self/uid_map: container ids from `inside` on are `outside` on, `length` of them."""

    inside: int = 0
    outside: int = 0
    length: int = 2**32 - 1

    @property
    def is_initial(self) -> bool:
        return self == UserNamespace()

    @property
    def is_rootless(self) -> bool:
        """A rootless engine maps root alone to its user; a remapping engine maps a whole range."""
        return self.length == 1


@dataclass(frozen=True)
class Observed:
    """What decides the mode. Where nothing is mounted at /host, only the first four say something.

    `pid1_is_ours`: PID 1 is in this container. `pid1_is_hosts`: its root directory is what is mounted at /host, None
    when that is hidden from us. `read_only`: which of `WRITTEN` are that on the host.
    """

    verb: str = "init"
    host_mounted: bool = False
    pid1_is_ours: bool = True
    user_namespace: UserNamespace = UserNamespace()
    missing: tuple[str, ...] = ()
    mounted_read_only: bool = False
    user: int = 0
    privileged: bool = True
    pid1_is_hosts: bool | None = None
    pid1_comm: str = "systemd"
    same_network: bool = False
    systemd: bool = False
    read_only: tuple[str, ...] = ()
    selinux_enforcing: bool = False


@dataclass(frozen=True)
class Mode:
    """`name` is `node` or `host`; `why` is for the first line of the output."""

    name: str
    why: str


def choose(observed: Observed) -> Mode:
    """The mode that is meant. A wrong set-up raises BootstrapError (exit 2, or 4 when the host itself does not do)."""
    if observed.host_mounted:
        _require_a_root(observed)
    _require_initial_user_namespace(observed)
    if not observed.host_mounted:
        _require_own_pid1(observed)
        return Mode(NODE, "no host root is mounted")
    _require_options(observed)
    _require_systemd(observed)
    _require_pid1(observed)
    _require_writable(observed)
    labels = " (SELinux enforces: labels are set)" if observed.selinux_enforcing else ""
    return Mode(HOST, f"/ of the host is mounted at /host{labels}")


def host_run(verb: str, *more: str) -> str:
    """The command that works on a host, with further options of the engine."""
    return " ".join(["docker run --rm", *HOST_OPTIONS[:1], *more, *HOST_OPTIONS[1:], names.IMAGE, verb])


def _require_a_root(observed: Observed) -> None:
    if observed.missing:
        raise BootstrapError(
            f"what is mounted at /host is not the root of a host: it has no {', '.join(observed.missing)}",
            code=Exit.USAGE,
            why="/host means the machine to work on; other directories belong elsewhere in the container",
            fix=f"{host_run(observed.verb)} (or, for a throwaway node, without the mount: {NODE_RUN})",
        )


def _require_initial_user_namespace(observed: Observed) -> None:
    found = observed.user_namespace
    if found.is_initial:
        return
    if found.is_rootless:
        raise BootstrapError(
            f"the container engine is rootless: root here is user {found.outside} of the host",
            code=Exit.PREFLIGHT,
            why="the kubelet and the container runtime need the real root",
            fix=f"use the system's engine: sudo {host_run(observed.verb) if observed.host_mounted else NODE_RUN}",
        )
    corrected = host_run(observed.verb, "--userns=host") if observed.host_mounted else _node_run("--userns=host")
    raise BootstrapError(
        f"the container is in a user namespace: root here is user {found.outside} of the host",
        code=Exit.USAGE,
        why="the engine remaps users (userns-remap); the kubelet and the container runtime need the real root",
        fix=corrected,
    )


def _node_run(option: str) -> str:
    return NODE_RUN.replace("--privileged", f"--privileged {option}")


def _require_own_pid1(observed: Observed) -> None:
    if not observed.pid1_is_ours:
        raise BootstrapError(
            "--pid=host is given, but no host root is mounted at /host",
            code=Exit.USAGE,
            why="host mode needs the host's files too; a throwaway node needs process numbers of its own",
            fix=f"{host_run(observed.verb)} (or, for a throwaway node: {NODE_RUN})",
        )


def _require_options(observed: Observed) -> None:
    missing = [*_missing_options(observed)]
    if missing:
        options = " and ".join(option for option, _ in missing)
        raise BootstrapError(
            f"/ of the host is mounted at /host, but {options} {'is' if len(missing) == 1 else 'are'} missing",
            code=Exit.USAGE,
            why="; ".join(why for _, why in missing),
            fix=f"{host_run(observed.verb)} (or, for a throwaway node, without the mount: {NODE_RUN})",
        )


def _missing_options(observed: Observed) -> Iterator[tuple[str, str]]:
    if observed.user:
        yield "root (leave out --user)", f"user {observed.user} can change nothing there"
    if observed.mounted_read_only:
        yield "write access (-v /:/host without :ro)", "host mode installs files there"
    if not observed.privileged and not observed.user:
        yield "--privileged", "the namespaces of the host cannot be entered without it"
    if observed.pid1_is_ours:
        yield "--pid=host", "the host's services and mounts cannot be reached without it"
    elif (observed.privileged or observed.user) and observed.pid1_is_hosts is False:
        yield "--pid=host", f"PID 1 here ({observed.pid1_comm}) is not that of the host"
    elif observed.pid1_is_hosts and not observed.same_network:
        yield "--network=host", "the host's addresses, routes and ports cannot be seen without it"


def _require_pid1(observed: Observed) -> None:
    if not observed.pid1_is_hosts:
        raise BootstrapError(
            "PID 1 of the host cannot be entered, although --privileged and --pid=host are given",
            code=Exit.PREFLIGHT,
            why="a security module forbids it, or the engine itself lacks privileges (an engine in a container)",
            fix=f"look for the refusal (journalctl -k); on the host itself: {host_run(observed.verb)}",
        )


def _require_systemd(observed: Observed) -> None:
    if not observed.systemd:
        raise BootstrapError(
            f"the host does not run systemd: its PID 1 is {observed.pid1_comm}",
            code=Exit.PREFLIGHT,
            why="the kubelet and its container runtime become systemd services of the host",
            fix=f"use a host that was booted with systemd, or make a throwaway node here: {NODE_RUN}",
        )


def _require_writable(observed: Observed) -> None:
    if observed.read_only:
        directories = " and ".join(observed.read_only)
        raise BootstrapError(
            f"the host mounts {directories} read-only",
            code=Exit.PREFLIGHT,
            why=f"host mode writes to {', '.join(WRITTEN)} (a read-only /usr is fine)",
            fix=f"on the host: mount -o remount,rw {observed.read_only[0]} (findmnt -T {observed.read_only[0]}), "
            f"then: {host_run(observed.verb)}",
        )
