"""`etcd defrag`: gives the file's unused space back, and lets an etcd write again that had none."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from bootstrap.host import etcd
from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError


@dataclass(frozen=True)
class Defragmented:
    """Bytes of the file before and after; `freed`: it had taken no writes any more, and does again."""

    before: int
    after: int
    freed: bool


def defragment(host: Host) -> Defragmented:
    """Of this machine's member only: it answers nobody meanwhile. Raises BootstrapError: exit 5, 8."""
    member = etcd.own_member(host)
    before = etcd.status(host, member)
    full = etcd.NO_SPACE in before.alarms
    if full:  # earlier revisions are what fills it; who watches from one of them reads anew
        with contextlib.suppress(BootstrapError):  # the API server compacts too, and may have been faster
            etcd.ask(host, member, "compact", str(before.revision))
    etcd.ask(host, member, "defrag", timeout=etcd.LONG)
    if full:
        etcd.ask(host, member, "alarm", "disarm")
    return Defragmented(before.bytes, etcd.status(host, member).bytes, full)
