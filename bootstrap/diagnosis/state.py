"""Rules that look at the state of a node, where no log line has to say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from bootstrap.diagnosis.evidence import Container, Evidence, Unit
from bootstrap.diagnosis.rule import LINE_LENGTH, Match, said

FULL = 64 << 20
"""Bytes below which etcd cannot make its next 64 MB write-ahead log file (wal.SegmentSizeBytes)."""
RUNTIME = "containerd"
"""How the runtime's unit ends: ours on a host has a name of its own."""
UNTOLERATED = "untolerated taint"
"""In what the scheduler says of a Pod (its plugin TaintToleration)."""
NO_CRI = "unknown service runtime.v1"
"""What a gRPC server says that has no such service."""
RESTARTED = 3
"""Restarts of a container that only stood in somebody's way are fewer."""
_bind = said(r"listen tcp\d? (?P<address>\S*):(?P<port>\d+): bind: address already in use")


def runtime_without_cri(evidence: Evidence) -> Iterator[Match]:
    return _runtime(evidence, without_cri=True)


def runtime_silent(evidence: Evidence) -> Iterator[Match]:
    return _runtime(evidence, without_cri=False)


def _runtime(evidence: Evidence, *, without_cri: bool) -> Iterator[Match]:
    if evidence.runtime_error and (NO_CRI in evidence.runtime_error) is without_cri:
        unit = next((unit for unit in evidence.units if unit.name.endswith(RUNTIME)), Unit(RUNTIME))
        journal = tuple(line for line in unit.journal if "level=fatal" in line or "Fail" in line)
        yield Match(unit.name, (evidence.runtime_error, *journal[-2:]))


def unit_stopped(evidence: Evidence) -> Iterator[Match]:
    for unit in evidence.units:
        if unit.stopped:
            yield Match(unit.name, (f"the unit is {unit.state}, its last result was {unit.result}",))


def disk_full(evidence: Evidence) -> Iterator[Match]:
    for disk in evidence.disks:
        if disk.free < FULL:
            yield Match(disk.path, (f"{disk.free >> 20} MiB free",), fields={"left": "space"})
        elif disk.inodes == 0:
            yield Match(disk.path, ("0 inodes free",), fields={"left": "inodes"})


def certificate_ended(evidence: Evidence) -> Iterator[Match]:
    for certificate in evidence.certificates:
        if certificate.not_after < evidence.now:
            yield Match(certificate.path, (f"valid until {_date(certificate.not_after)}, now {_date(evidence.now)}",))


def certificate_early(evidence: Evidence) -> Iterator[Match]:
    for certificate in evidence.certificates:
        if certificate.not_before > evidence.now:
            yield Match(certificate.path, (f"valid from {_date(certificate.not_before)}, now {_date(evidence.now)}",))


def timer_failed(name: str) -> Callable[[Evidence], Iterator[Match]]:
    """By what the unit said last that a timer starts."""

    def search(evidence: Evidence) -> Iterator[Match]:
        for unit in evidence.units:
            if unit.name == name:
                yield Match(unit.name, unit.journal[-5:])

    return search


def kubelet_refused(evidence: Evidence) -> Iterator[Match]:
    for each in evidence.unsigned:
        if each.refusal:
            yield Match(each.user, (f"{each.request}: {each.refusal}",), fields={"request": each.request})


def kubelet_unapproved(evidence: Evidence) -> Iterator[Match]:
    for each in evidence.unsigned:
        if not each.refusal:
            yield Match(each.user, (f"{each.request} waits",))


def certificate_foreign(evidence: Evidence) -> Iterator[Match]:
    for certificate in evidence.certificates:
        if not certificate.issued:
            yield Match(certificate.path, ("its signature is not by the CA in the file beside it",))


def port_taken(evidence: Evidence) -> Iterator[Match]:
    """Counts once, which ends no wait, when the port is free by now or an older instance of the component has it."""
    for match in _bind(evidence):
        holder = evidence.listeners.get(int(match.fields["port"]), "")
        lasting = bool(holder) and not re.search(rf"\b{re.escape(match.source)}\b", holder)
        fields = {**match.fields, "holder": holder or "somebody who has let go of it by now"}
        yield replace(match, times=match.times if lasting else 1, fields=fields)


def etcd_unreachable(evidence: Evidence) -> Iterator[Match]:
    """What a running API server says does not count while etcd runs: it began before."""
    running = {container.component for container in evidence.containers if container.state == "running"}
    if not {"etcd", "kube-apiserver"} <= running:
        refused = rf"dial tcp \S+:{evidence.places.etcd_port}: connect: connection refused"
        yield from said(rf"{refused}|etcd grpc connection not ready", "kube-apiserver")(evidence)


def untolerated(evidence: Evidence) -> Iterator[Match]:
    """Pods that no node takes because of its taints."""
    for waiting in evidence.pending:
        if UNTOLERATED in waiting.reason:
            fields = {"taint": next(iter(waiting.taints), "TAINT")}
            yield Match(waiting.pod, (waiting.reason[:LINE_LENGTH],), fields=fields)


def unschedulable(evidence: Evidence) -> Iterator[Match]:
    for waiting in evidence.pending:
        if UNTOLERATED not in waiting.reason:
            namespace, _, name = waiting.pod.partition("/")
            yield Match(waiting.pod, (waiting.reason[:LINE_LENGTH],), fields={"namespace": namespace, "name": name})


def address_twice(evidence: Evidence) -> Iterator[Match]:
    for address in evidence.pod_addresses:
        if address in evidence.addresses:
            interface = evidence.addresses[address]
            yield Match(interface, (f"{address} is given to a Pod of this machine",), fields={"address": address})


def out_of_memory(evidence: Evidence) -> Iterator[Match]:
    for container in evidence.containers:
        if container.ended and container.reason == "OOMKilled":
            yield Match(container.component, (_state(container),), container.ends)


def crash_loop(evidence: Evidence) -> Iterator[Match]:
    for container in evidence.containers:
        if container.ended and container.ends >= RESTARTED:
            lines = (_state(container), *(line for line in container.log[-3:]))
            yield Match(container.component, lines, container.ends)


def unit_loop(evidence: Evidence) -> Iterator[Match]:
    for unit in evidence.units:
        if unit.restarts >= RESTARTED and unit.state != "active":
            yield Match(unit.name, unit.journal[-3:], unit.restarts)


def _state(container: Container) -> str:
    reason = f", {container.reason}" if container.reason else ""
    return f"ended {container.ends} times, exit code {container.exit_code}{reason}"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
