"""What another version means for a cluster: what runs now and then, and which kinds and APIs it does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.config.schema.fields import KINDS
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Document
from bootstrap.model.cluster_facts import ClusterNode
from bootstrap.model.images.reference import version_of
from bootstrap.render.images.required import components

KUBELET, ETCD = "kubelet", "etcd"
_DEPRECATED = re.compile(r"^apiserver_requested_deprecated_apis\{([^}]*)\} [1-9]", re.MULTILINE)
"""What an API server counts of requests that it will not answer for ever, in its metrics."""
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class ComponentChange:
    """`node` is empty for what a cluster has once."""

    name: str
    node: str
    before: str
    after: str


@dataclass(frozen=True)
class KindState:
    """An API group of a configuration that the cluster stores, and its version there; empty where it has none."""

    group: str
    current: str
    preferred: str

    @property
    def by_hand(self) -> bool:
        return self.current not in ("", self.preferred)


def component_changes(
    cfg: ClusterConfig,
    nodes: Sequence[ClusterNode],
    pods: Sequence[Document],
    workloads: Mapping[str, Document],
    *,
    etcd: bool = True,
) -> tuple[ComponentChange, ...]:
    """`cfg` is of the new version, `pods` are static, `workloads` are by component; `etcd` unless it stays."""
    after = {found.component: version_of(found.image) for found in components(cfg)}
    found = [
        *_of_pods(pods, after),
        *(ComponentChange(name, "", version_of(_image(body)), after[name]) for name, body in workloads.items()),
        *(ComponentChange(KUBELET, node.name, node.version, names.BUILT_VERSION) for node in nodes),
    ]
    return tuple(change for change in found if etcd or change.name != ETCD)


def with_own(pods: Sequence[Document], own: Sequence[Document], node: str) -> tuple[Document, ...]:
    """Static Pods as the API shows them, and of this node's those that it does not show yet."""
    shown = {pod["metadata"]["name"] for pod in pods}
    mine = ({**pod, "spec": {**pod["spec"], "nodeName": node}} for pod in own)
    return (*pods, *(pod for pod in mine if f"{pod['metadata']['name']}-{node}" not in shown))


def _of_pods(pods: Sequence[Document], after: Mapping[str, str]) -> Iterator[ComponentChange]:
    order = list(after)
    running = [(pod["metadata"].get("labels", {}).get("component", ""), pod) for pod in pods]
    known = ((name, pod) for name, pod in running if name in after)
    for name, pod in sorted(known, key=lambda each: (order.index(each[0]), each[1]["spec"].get("nodeName", ""))):
        version = version_of(str(pod["spec"]["containers"][0]["image"]))
        yield ComponentChange(name, str(pod["spec"].get("nodeName", "")), version, after[name])


def _image(workload: Document) -> str:
    return str(workload["spec"]["template"]["spec"]["containers"][0]["image"])


def kind_states(stored: Mapping[str, Document]) -> tuple[KindState, ...]:
    """Of configurations as the cluster has them, by kind."""
    found = []
    for kind, document in stored.items():
        group, _, preferred = KINDS[kind][0].partition("/")
        found.append(KindState(group, str(document.get("apiVersion", "")).partition("/")[2], preferred))
    return tuple(found)


def removed_apis(metrics: str) -> tuple[str, ...]:
    """What clients have asked the API server for since its start, and the new version does not serve any more."""
    asked = (dict(_LABEL.findall(labels)) for labels in _DEPRECATED.findall(metrics))
    gone = (labels for labels in asked if labels.get("removed_release") and _not_later(labels["removed_release"]))
    return tuple(sorted({f"{_groupversion_of(labels)} {labels.get('resource', '')}" for labels in gone}))


def _groupversion_of(labels: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (labels.get("group"), labels.get("version"))))


def _not_later(release: str) -> bool:
    return _numbers(release) <= _numbers(names.KUBERNETES_MINOR)


def _numbers(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split(".") if part.isdigit())
