"""Directories in which everybody who uses CNI on a machine keeps something: only what our Pods left there is ours.

The runtime takes a Pod's things away with the Pod. What it left behind when it was killed says itself whose it is: the
results that CNI keeps name the network and the namespace of each attachment.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.engine.effects.registry import UNCHANGED
from bootstrap.engine.records import Comparison
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.model.journal_entry import Entry
from bootstrap.model.reset_effects import Restored

RESULTS = f"{names.CNI_STATE}/results"
ADDRESSES = f"{names.CNI_STATE}/networks"
FLANNEL = f"{names.CNI_STATE}/flannel"
"""Of its CNI plugin: a file for each of its attachments, and nobody else's."""


@dataclass(frozen=True)
class _Attachment:
    """A container in a CNI network; `file` is the name of its result, `namespaces` names in /run/netns."""

    file: str
    network: str
    container: str
    namespaces: frozenset[str]


def ours_left(host: HostReader, entry: Entry, networks: Collection[str]) -> list[str]:
    """Paths that belong to attachments of these networks, and were not there before us."""
    attached = list(_attachments(host))
    containers = {one.container for one in attached if one.network in networks}
    ours = [one for one in attached if one.container in containers]  # the loopback's too
    if entry.name == names.NETNS_DIR:
        found = {f"{entry.name}/{name}" for one in ours for name in one.namespaces}
    else:
        found = {f"{RESULTS}/{one.file}" for one in ours}
        found |= {f"{ADDRESSES}/{network}" for network in networks} | {FLANNEL}
    kept = tuple(f"{entry.name}/{name}/" for name in _there(entry))
    return sorted(path for path in found if host.stat(path) and not f"{path}/".startswith(kept))


def undo(host: Host, effect: Restored) -> str:
    entry = effect.entry
    left = ours_left(host, entry, effect.networks)
    for path in left:
        if entry.name == names.NETNS_DIR:
            _end_namespace(host, path)
        else:
            host.remove_tree(path)
    for path in (RESULTS, ADDRESSES) if entry.name == names.CNI_STATE else ():
        if path.rpartition("/")[2] not in _there(entry):
            host.remove_empty(path)
    if entry.before is None:
        host.remove_empty(entry.name)
    return f"{entry.name} without what was ours" if left else ""


def _end_namespace(host: Host, path: str) -> None:
    """A name whose mount is gone already has none. One that `ip netns` has bound a second time, where the root is not
    shared, cannot be removed: it stays and is listed.
    """
    for end in (host.unmount, host.remove_tree):
        with contextlib.suppress(BootstrapError):
            end(path)


def compare(host: HostReader, entry: Entry, found: Comparison) -> None:
    found.others += [f"{path} stays: it is not ours, or in use" for path in _new(host, entry)]


def describe(host: HostReader, effect: Restored) -> str:
    left = ours_left(host, effect.entry, effect.networks)
    return f"remove what our Pods left in {effect.entry.name}: {', '.join(left) or UNCHANGED}"


def _new(host: HostReader, entry: Entry) -> Iterator[str]:
    """What was not there before, each thing by itself: a directory that is only a shelf is looked into."""
    for name in host.listdir(entry.name):
        path = f"{entry.name}/{name}"
        if name in _there(entry):
            continue
        if path in (RESULTS, ADDRESSES):
            yield from (f"{path}/{inner}" for inner in host.listdir(path))
        else:
            yield path


def _there(entry: Entry) -> list[str]:
    return list((entry.before or {"entries": ()})["entries"])


def _attachments(host: HostReader) -> Iterator[_Attachment]:
    for file in host.listdir(RESULTS):
        try:
            result = json.loads(host.read(f"{RESULTS}/{file}") or b"")
            yield _Attachment(file, result["networkName"], result["containerId"], frozenset(_namespaces(result)))
        except (BootstrapError, ValueError, KeyError, TypeError, AttributeError):
            continue  # of somebody else, or half written


def _namespaces(result: Any) -> Iterator[str]:
    for interface in (result.get("result") or {}).get("interfaces") or ():
        directory, _, name = str(interface.get("sandbox", "")).rpartition("/")
        if directory in (names.NETNS_DIR, f"/var{names.NETNS_DIR}") and name:
            yield name
