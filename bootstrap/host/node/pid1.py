"""PID 1 of a node container: prepare cgroups and mounts, keep a relay to the container's stdout, become systemd.

Everything here runs before systemd, in a container of our own; nothing of it is used on a real host.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.host.images.seed import SEED
from bootstrap.host.images.seed_link import link_seed
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE_RUNTIME

STATE = Path("/etc/bootstrap")
"""What the user gave, kept 0600 across `docker restart`: argv, proxies, the bytes of files."""
ARGV_FILE = STATE / "argv.json"
CONFIG = "--config"
KEPT = {CONFIG: "config.yaml", "--token-file": "token"}
"""Option → the file below `STATE` that has the bytes of the one that it names."""
PROGRESS = STATE / "progress"
"""FIFO between the unit and the container's stdout; outside /run, which systemd covers with a new tmpfs."""
CGROUPS = Path("/sys/fs/cgroup")
SYSTEMD = "/sbin/init"
LEGACY_WORD = "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
"""systemd 256 and later refuses cgroup v1 without this word among PID 1's arguments."""
MNT_DETACH = 2  # linux/fs.h


def become_node(argv: Sequence[str]) -> None:
    """Does not return: ends in systemd. What it needs was asked before (preflight.start)."""
    try:
        _prepare(argv)
    except OSError as e:
        raise _failed(f"the start of this node: {e.filename or 'a system call'}", e.strerror or str(e)) from e
    # What ends systemd itself is told to a terminal only, and its own log ends with it.
    hint = f"bootstrap {names.BUILT_VERSION} · starts systemd (if nothing follows, docker run -t … shows why)"
    print(hint, file=sys.stderr, flush=True)
    words = [LEGACY_WORD] if not is_cgroup_v2() else []
    os.execv(SYSTEMD, [SYSTEMD, *words])


def _prepare(argv: Sequence[str]) -> None:
    keep_request(argv)
    prepare_cgroups()
    prepare_mounts()
    # flannel writes it again once its subnet is known
    Path(NODE_RUNTIME.cni_conf, names.FLANNEL_CONFLIST).unlink(missing_ok=True)
    link_seed(SEED, Path(NODE_RUNTIME.root))
    start_relay()


def is_cgroup_v2() -> bool:
    return (CGROUPS / "cgroup.controllers").exists()


def keep_request(argv: Sequence[str]) -> None:
    """The bytes of files are kept, since standard input is there only once."""
    words, contents = list(argv), dict[Path, bytes]()
    for option, name in KEPT.items():
        if position := option_position(words, option):
            index, prefix = position
            contents[STATE / name] = _read(words[index].removeprefix(prefix), STATE / name, f"{words[0]} {option}")
            words[index] = prefix + str(STATE / name)
    STATE.mkdir(mode=0o700, exist_ok=True)
    for kept, content in contents.items():
        if content or not kept.exists():
            _write_private(kept, content)
    _write_private(ARGV_FILE, json.dumps({"argv": words, "environment": proxies(os.environ)}).encode())


def option_position(words: Sequence[str], option: str) -> tuple[int, str] | None:
    """Index of the word that holds the value of an option, and what precedes the value in that word."""
    for i, word in enumerate(words):
        if word == option and i + 1 < len(words):
            return i + 1, ""
        if word.startswith(f"{option}="):
            return i, f"{option}="
    return None


def _read(source: str, kept: Path, words: str) -> bytes:
    """Empty where the one that was kept at the first start is meant."""
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as e:
        if kept.exists():
            return b""
        raise BootstrapError(
            f"cannot read {source}: {e.strerror}",
            why="the path is looked up inside the container",
            fix=f"docker run -d --privileged -v $PWD/{kept.name}:{source} {names.IMAGE} {words} {source}",
            code=Exit.CONFIG,
        ) from e


def kept_request() -> tuple[list[str], dict[str, str]]:
    """Arguments and proxy variables that the container was started with. Raises BootstrapError (exit 2) without any."""
    try:
        kept = json.loads(ARGV_FILE.read_text())
    except (OSError, ValueError) as e:
        raise BootstrapError(
            "this container was not started by bootstrap: nothing says what it is for",
            why=f"systemd is its entry point, or {ARGV_FILE} was changed ({e})",
            fix=f"docker run -d --privileged {names.IMAGE} init   (without --entrypoint)",
            code=Exit.USAGE,
        ) from e
    return kept["argv"], kept["environment"]


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k.lower().endswith("_proxy") and v}


def _write_private(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as f:
        f.write(content)


def prepare_cgroups() -> None:
    """A cgroup namespace of our own, and each hierarchy mounted from its root.

    On cgroup v1 Docker's default is the host's namespace, in which static Pods never start. The old mount is taken away
    at once but ends when its last user does: a `docker exec` of the first second may read its CPU limit there.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x02000000) != 0:  # CLONE_NEWCGROUP, linux/sched.h
        raise BootstrapError("cannot make a cgroup namespace", code=Exit.PREFLIGHT, fix="use Linux 4.6 or newer")
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for _, target, kind, options, *_ in mounts:
        if not Path(target).is_relative_to(CGROUPS) or kind not in ("cgroup", "cgroup2"):
            continue
        if libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
            raise _failed(f"umount {target}", os.strerror(ctypes.get_errno()))
        _run("mount", "-t", kind, "-o", _hierarchy(kind, options), "cgroup", target)


def _hierarchy(kind: str, options: str) -> str:
    """Mount options that name a v1 hierarchy: its controllers, or `none,name=systemd`."""
    if kind == "cgroup2":
        return "rw,nosuid,nodev,noexec"
    generic = {"rw", "ro", "nosuid", "nodev", "noexec", "relatime", "xattr", "clone_children"}
    words = [w for w in options.split(",") if w not in generic and not w.startswith("release_agent=")]
    return ",".join(["none", *words] if any(w.startswith("name=") for w in words) else words)


def prepare_mounts() -> None:
    """Shared propagation, as on a real host: the kubelet's volumes must show up in Pods."""
    _run("mount", "--make-rshared", "/")


def start_relay() -> None:
    """`cat` keeps the container's real stdout; it holds the FIFO open for writing too, so it never sees an end."""
    if not PROGRESS.exists():
        os.mkfifo(PROGRESS, 0o600)
    fd = os.open(PROGRESS, os.O_RDWR)
    subprocess.Popen(["/bin/cat"], stdin=fd, start_new_session=True)
    os.close(fd)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failed(" ".join(argv), done.stderr.strip())


def _failed(command: str, reason: str) -> BootstrapError:
    return BootstrapError(
        f"{command} failed: {reason}",
        why="a security module forbids it, or the container's mounts are set up in a way not known here",
        fix=f"look for the refusal (journalctl -k), and start it without options but these: docker run -d --privileged "
        f"{names.IMAGE} init",
        code=Exit.PREFLIGHT,
    )
