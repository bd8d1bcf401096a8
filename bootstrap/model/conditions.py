"""Conditions as data, polled by engine.wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpOk:
    """`url` answers 200. `identity`: `` (no client certificate, TLS not verified, as kubeadm does for the loopback
    health endpoints) or `admin` (super-admin credentials, verified)."""

    title: str
    url: str
    identity: str = ""
    shared: bool = False
    """Another machine may answer: it is no question of this one's health."""


@dataclass(frozen=True)
class NodeReady:
    """The node is Ready and said so after `since` (seconds since the epoch), with a kubelet of this `version`.

    Any will do where that is empty; builds of one version are alike.
    """

    name: str
    since: float = 0
    version: str = ""

    @property
    def title(self) -> str:
        return f"node {self.name} Ready"


@dataclass(frozen=True)
class NodeExists:
    name: str

    @property
    def title(self) -> str:
        return f"node {self.name} registered"


@dataclass(frozen=True)
class WorkloadReady:
    """A workload of apps/v1 has all its Pods ready, those on `node` started after `since` (epoch seconds).

    After a boot the API still shows the Pods as they were before it, until the kubelet has reported. Of a DaemonSet
    only the Pod on `node` counts: whether other machines are still there is not for this one to wait for.
    """

    kind: str
    namespace: str
    name: str
    since: float = 0
    may_be_empty: bool = False
    """Whether a DaemonSet for which no node is chosen is ready: one for another kind of machine."""
    node: str = ""
    """This machine's name; empty: all nodes are alike."""
    doubted: bool = False
    """Whether it may well end just after it was ready: its Pods then have to run for a while."""

    @property
    def title(self) -> str:
        return f"{self.name} available"


@dataclass(frozen=True)
class ControlPlaneSteady:
    """No container of the control plane that has ended since then (epoch seconds), or each runs for a while again."""

    since: float

    @property
    def title(self) -> str:
        return "the control plane stays up"


@dataclass(frozen=True)
class Served:
    """The API server serves the kind that a CustomResourceDefinition defines."""

    name: str

    @property
    def title(self) -> str:
        return f"{self.name} served"


@dataclass(frozen=True)
class KubeletSigned:
    """What the kubelet of `node`, this machine, serves with, in the file `path`, is for all addresses that the node has
    said since then (epoch seconds)."""

    node: str
    path: str
    since: float

    @property
    def title(self) -> str:
        return f"kubelet of {self.node} has its serving certificate"


@dataclass(frozen=True)
class FileThere:
    """A file that another program writes."""

    title: str
    path: str


@dataclass(frozen=True)
class RuntimeServes:
    """The runtime behind a CRI socket answers there: containerd is up without CRI where that plugin could not start."""

    socket: str

    @property
    def title(self) -> str:
        return "the runtime serves CRI"


@dataclass(frozen=True)
class StaticPodShown:
    """The API shows the static Pod that runs here, not the one before it; `socket` is of the kubelet's runtime."""

    component: str
    node: str
    socket: str

    @property
    def title(self) -> str:
        return f"{self.component} is the new one"


Condition = (
    HttpOk
    | NodeReady
    | NodeExists
    | WorkloadReady
    | ControlPlaneSteady
    | Served
    | KubeletSigned
    | FileThere
    | RuntimeServes
    | StaticPodShown
)
