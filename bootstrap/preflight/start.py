"""What a node container's start needs, judged before the first write: one message, with the command that works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Inotify, Limits
from bootstrap.preflight.finding import listed
from bootstrap.preflight.limits import inotify_problem, processes_problem

WRITTEN = ("/etc", "/opt", "/var/lib", "/var/log", *names.NODE_VOLUMES)
"""Where systemd, the runtime, the kubelet and we write."""
BROUGHT = (
    "/etc/systemd/system/bootstrap-init.service",
    "/etc/passwd",
    names.CNI_BIN,
    "/sbin/init",
    "/usr/lib/bootstrap/seed/index.json",
)
"""What the image brings to the places where people mount something, and a start needs."""
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""With their numbers (linux/capability.h): without them nothing can be mounted, and no Pod has a network."""
INITS = ("docker-init", "tini", "catatonit", "dumb-init")
"""What engines put at PID 1 for `--init`."""
LEAST_FILES = 512
"""Open files of one process: the API server and the kubelet hold some hundreds each."""


@dataclass(frozen=True)
class Observed:
    """`pid1` is the name of PID 1 where that is not this program; `read_only` which of `WRITTEN` are that.

    `covered`: which of `BROUGHT` are not there, and the mount that hides them.
    """

    verb: str = "init"
    pid1: str = ""
    user: int = 0
    uncapable: tuple[str, ...] = ()
    """Which of `CAPABILITIES` lack."""
    devices: bool = True
    """/dev/kmsg is there, which --privileged gives and --cap-add does not."""
    sysctls: bool = True
    """/proc/sys can be written."""
    cgroups: bool = True
    """A hierarchy is mounted at /sys/fs/cgroup."""
    root_read_only: bool = False
    read_only: tuple[str, ...] = ()
    covered: tuple[tuple[str, str], ...] = ()
    open_files: int = 1 << 20
    can_raise: bool = True
    """CAP_SYS_RESOURCE: systemd raises the limits itself."""
    limits: Limits = field(default_factory=Limits)
    inotify: Inotify | None = None


@dataclass(frozen=True)
class Obstacle:
    """`what` reads after "this container"; `way` says which option of the engine it is about."""

    what: str
    why: str
    way: str
    code: Exit = Exit.USAGE


def require_start(found: Observed) -> None:
    """Raises BootstrapError: exit 2 for options of the engine, 4 for a privilege or a limit that lacks."""
    if obstacles := [*_options(found)]:
        raise BootstrapError(
            f"no node can start in this container: it {listed([o.what for o in obstacles])}",
            code=obstacles[0].code,
            why="; ".join(f"{o.why}: {o.way}" for o in obstacles),
            fix=f"docker run -d --privileged {names.IMAGE} {found.verb}",
        )
    for problem in (_files(found), processes_problem(found.limits), inotify_problem(found.inotify)):
        if problem:
            what, fix = problem
            raise BootstrapError(
                f"no node can start in this container: {what}",
                code=Exit.PREFLIGHT,
                why="systemd, the runtime and the control plane would fail in the middle of their start",
                fix=fix,
            )


def _options(found: Observed) -> Iterator[Obstacle]:
    if found.pid1 in INITS:
        yield Obstacle(
            f"has {found.pid1} as its PID 1",
            "systemd has to be PID 1, and bootstrap becomes it",
            "leave out --init (init: true in a compose file)",
        )
    elif found.pid1:
        yield Obstacle(
            f"has {found.pid1} as its PID 1",
            "systemd has to be PID 1, and bootstrap becomes it only from there",
            f"leave out --entrypoint, or let a script end with: exec bootstrap {found.verb}",
        )
    if found.user:
        yield Obstacle(
            f"runs as user {found.user}", "systemd, containerd and the kubelet need root", "leave out --user"
        )
    elif privilege := _privilege(found):
        yield privilege
    if found.root_read_only:
        yield Obstacle(
            "has a read-only root",
            "certificates, keys and the configuration are written below /etc",
            "leave out --read-only",
        )
    elif found.read_only:
        yield Obstacle(
            f"cannot write to {listed(found.read_only)}",
            "a node keeps its state there",
            f"leave out :ro at -v …:{found.read_only[0]}",
        )
    for mount, hidden in _by_mount(found.covered).items():
        yield Obstacle(
            f"lacks {listed(hidden)}",
            f"what is mounted at {mount} hides what the image has there" if mount != "/" else "the image was changed",
            f"leave out --tmpfs {mount}, or -v …:{mount}" if mount != "/" else "use it as it was built",
        )


def _privilege(found: Observed) -> Obstacle | None:
    if found.uncapable:
        lacks = listed(found.uncapable)
    elif not found.devices:
        lacks = "/dev/kmsg (the capabilities are there)"
    elif not found.sysctls:
        lacks = "write access to /proc/sys"
    elif not found.cgroups:
        return Obstacle(
            "has no cgroup hierarchy at /sys/fs/cgroup",
            "systemd and the kubelet manage cgroups",
            "leave out what is mounted there, and run it on Linux",
            Exit.PREFLIGHT,
        )
    else:
        return None
    return Obstacle(
        "is not privileged",
        f"systemd, containerd and the kubelet mount filesystems and manage cgroups; here, {lacks} lacks",
        "give --privileged, which --cap-add, --device and --security-opt do not replace",
        Exit.PREFLIGHT,
    )


def _by_mount(covered: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, mount in covered:
        found.setdefault(mount, []).append(path)
    return found


def _files(found: Observed) -> tuple[str, str] | None:
    if found.can_raise or found.open_files >= LEAST_FILES:
        return None
    return (
        f"a process may have {found.open_files} open files, a cluster needs {LEAST_FILES}",
        f"docker run -d --privileged --ulimit nofile=1048576 {names.IMAGE} {found.verb}",
    )
