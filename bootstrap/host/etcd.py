"""The etcd member of this machine, asked and handled with the tools of our own image: a host need not have any."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.port import Host, HostReader
from bootstrap.joining.etcd_members import member_of
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.controlplane.etcd_member import EtcdMember, etcdctl, member
from bootstrap.render.controlplane.static_pods import manifest_path

LONG = 900.0
"""Seconds for what reads or writes a whole database: 8 GiB on a slow disk."""
NO_SPACE = "NOSPACE"


@dataclass(frozen=True)
class EtcdStatus:
    """`alarms` are of all members; `bytes` is the size of this one's file, `used` what is in use of it."""

    version: str
    revision: int
    bytes: int
    used: int
    alarms: tuple[str, ...]


def own_member(host: HostReader) -> EtcdMember:
    """Raises BootstrapError (exit 8) where this machine has none."""
    path = manifest_path("etcd", static_pod_path(host))
    found = member(host.read(path) or b"")
    if found is None:
        raise BootstrapError(
            "this machine has no etcd member",
            code=Exit.CONFLICT,
            why=f"{path} does not exist, or is no member with certificates",
            fix="run this on a control plane with an etcd of its own",
        )
    return found


def ask(host: Host, of: EtcdMember, *words: str, timeout: float = 30) -> str:
    """Output of an etcdctl command. Raises BootstrapError (exit 5)."""
    command = etcdctl("etcdctl", host.reach(of.ca), host.reach(of.certificate), host.reach(of.key), of.url)
    return host.run([*command, f"--command-timeout={timeout:.0f}s", *words], timeout=timeout + 10, here=True)


def status(host: Host, of: EtcdMember) -> EtcdStatus:
    """Raises BootstrapError (exit 5) when it does not answer."""
    said = _parsed(ask(host, of, "endpoint", "status", "-w", "json"))
    try:
        found = said[0]["Status"]
        alarms = tuple(
            sorted({line.partition("alarm:")[2] for line in ask(host, of, "alarm", "list").split() if "alarm:" in line})
        )
        size = int(found["dbSize"])
        used = int(found.get("dbSizeInUse", size))
        return EtcdStatus(str(found["version"]), int(found["header"]["revision"]), size, used, alarms)
    except (KeyError, IndexError, TypeError, ValueError) as e:
        raise unreadable(str(e)) from e


def storage_minor(host: Host, of: EtcdMember) -> str:
    """The version, `3.6`, that can read its data; empty where it is too old to say. Raises BootstrapError (exit 5)."""
    try:
        found = _parsed(ask(host, of, "endpoint", "status", "-w", "json", timeout=5))[0]["Status"]
        return str(found.get("storageVersion", "")).rpartition(".")[0]
    except (KeyError, IndexError, TypeError, AttributeError) as e:
        raise unreadable(str(e)) from e


def others(host: Host, of: EtcdMember) -> tuple[str, ...]:
    """`NAME=URL` of the other members, as long as this one can say it; empty where it does not answer."""
    try:
        said = _parsed(ask(host, of, "member", "list", "-w", "json", timeout=5))["members"]
    except BootstrapError:
        return ()
    rest = (each for each in map(member_of, said) if of.peer_url not in each.peer_urls)
    return tuple(f"{each.name}={url}" for each in rest for url in each.peer_urls)


def snapshot_status(host: Host, path: str) -> Mapping[str, Any]:
    """What etcdutl says of a snapshot: `hash`, `revision`, `totalKey`, `totalSize`. Raises BootstrapError (exit 5)."""
    words = ["etcdutl", "snapshot", "status", host.reach(path), "-w", "json"]
    said = _parsed(host.run(words, timeout=LONG, here=True))
    if not isinstance(said, dict):
        raise unreadable(f"about {path}")
    return said


def unpack(host: Host, source: str, data_dir: str, flags: Sequence[str]) -> None:
    """Makes a data directory of a snapshot, whose own checksum is compared. Raises BootstrapError (exit 5)."""
    words = ["etcdutl", "snapshot", "restore", host.reach(source), f"--data-dir={host.reach(data_dir)}", *flags]
    host.run(words, timeout=LONG, here=True)


def hand_over(host: Host, path: str, user: int, group: int) -> None:
    """A directory and all that is in it. Raises BootstrapError (exit 5)."""
    host.run(["chown", "-R", "-h", f"{user}:{group}", host.reach(path)], timeout=LONG, here=True)


def exchange(host: Host, one: str, other: str) -> None:
    """Two directories of one file system change their names, at once: at no time is there none."""
    host.run(["mv", "--exchange", "--no-copy", "-T", host.reach(one), host.reach(other)], here=True)
    flush(host, one.rpartition("/")[0])


def move(host: Host, path: str, to: str) -> None:
    """Durably, within one file system."""
    host.run(["mv", "--no-copy", "-T", host.reach(path), host.reach(to)], here=True)
    flush(host, to.rpartition("/")[0])


def flush(host: Host, path: str) -> None:
    host.run(["sync", host.reach(path)], timeout=LONG, here=True)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as e:
        raise unreadable(text[:80]) from e


def unreadable(what: str) -> BootstrapError:
    """etcdctl or etcdutl ended well, with another answer than it has to give."""
    return BootstrapError(
        f"an etcd tool said nothing that can be read: {what}",
        code=Exit.EFFECT,
        fix="bootstrap diagnose; then run the same command again",
    )
