"""What a rule is, how it looks for its pattern, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bootstrap.diagnosis.evidence import Evidence

LINE_LENGTH = 300
"""Characters of a log line that are shown: etcd's lines carry a stack trace."""
_POD = re.compile(r' pod="(?P<namespace>[^/"]+)/(?P<name>[^"]+)"')
SYSTEM_NAMESPACES = "kube-"
"""Whose Pods a node needs to work: kube-system, kube-flannel. Those of users are not the node's failure."""


@dataclass(frozen=True)
class Match:
    """`source` is a component, a unit or a path; `times` how often it happened; `fields` go into the rule's texts."""

    source: str
    lines: tuple[str, ...] = ()
    times: int = 1
    fields: Mapping[str, str] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    """The lines before they were cut for showing: two rules may show different parts of one line."""


@dataclass(frozen=True)
class Rule:
    """`what`, `why` and `next` are templates over `{source}` and the match's fields.

    `definite`: waiting does not cure it. Seen twice, it ends a wait.
    """

    id: str
    find: Callable[[Evidence], Iterator[Match]]
    what: str
    why: str
    next: str
    definite: bool = False


@dataclass(frozen=True)
class Cause:
    """A cause, named: what is wrong, why it probably is, what to type next, and the lines that say so."""

    rule: str
    source: str
    what: str
    why: str
    next: str
    evidence: tuple[str, ...]
    times: int
    definite: bool


def said(pattern: str, *sources: str, about_pods: bool = True) -> Callable[[Evidence], Iterator[Match]]:
    """Looks for a pattern in the logs of ended and running containers and in the journals of units.

    `sources` limits it to these; without `about_pods` only what somebody says about itself counts, not what the kubelet
    says about a Pod. The last matching line counts; its named groups become fields.
    """
    compiled = re.compile(pattern)

    def find(evidence: Evidence) -> Iterator[Match]:
        for source, lines, ends in _logs(evidence):
            if sources and source not in sources:
                continue
            looked_at = (line for line in lines if about_pods or not _POD.search(line))
            found = [(line, hit) for line in looked_at if (hit := compiled.search(line))]
            if found:
                line, hit = found[-1]
                fields = {name: value or "" for name, value in hit.groupdict().items()}
                yield Match(source, (shown(line, hit),), len(found) if ends is None else ends, fields, (line,))

    return find


def shown(line: str, hit: re.Match[str]) -> str:
    """The line, cut to its beginning or, when the match lies further back, to what is around the match."""
    if len(line) <= LINE_LENGTH or hit.end() <= LINE_LENGTH:
        return line[:LINE_LENGTH].strip()
    start = max(0, min(hit.start(), len(line) - LINE_LENGTH))
    return f"…{line[start : start + LINE_LENGTH].strip()}"


def _logs(evidence: Evidence) -> Iterator[tuple[str, tuple[str, ...], int | None]]:
    """Source, lines, how often it ended; None for what runs, where each line counts."""
    for container in evidence.containers:
        yield container.component, (container.message, *container.log), container.ends if container.ended else 1
    for unit in evidence.units:
        if not unit.stopped:
            yield unit.name, _current(unit.journal, evidence), unit.restarts + 1 if unit.restarts else None


def _current(journal: tuple[str, ...], evidence: Evidence) -> tuple[str, ...]:
    """Without lines about Pods that run by now, and about Pods of users."""
    by_pod: dict[str, bool] = {}
    for container in evidence.containers:
        by_pod[container.pod] = by_pod.get(container.pod, True) and container.state == "running"

    def counts(line: str) -> bool:
        hit = _POD.search(line)
        return not hit or (hit["namespace"].startswith(SYSTEM_NAMESPACES) and not by_pod.get(hit["name"], False))

    return tuple(line for line in journal if counts(line))
