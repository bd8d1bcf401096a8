"""kubeadm's names of phases, by verb, and which steps of ours are meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bootstrap.model.flags import INIT, JOIN
from bootstrap.model.plan import PREFLIGHT

ALL = "/all"
"""kubeadm's name for every sub-phase: `certs all`."""


@dataclass(frozen=True)
class Naming:
    """`phases`: name → the steps that are not called so here; `without_steps`: those that change nothing, and why."""

    verb: str
    phases: Mapping[str, tuple[str, ...]]
    without_steps: Mapping[str, str]

    def covers(self, phase: str, step: str) -> bool:
        """Whether a step is part of `phase`, which is kubeadm's name or one of ours."""
        return any(_within(step, name) for name in self._steps(phase.removesuffix(ALL)))

    def knows(self, phase: str) -> bool:
        """Whether kubeadm has a phase of that name, or some below it."""
        name = phase.removesuffix(ALL)
        return any(_within(known, name) for known in (*self.phases, *self.without_steps))

    def command(self, step: str) -> str:
        """What to type to run the phase of a step."""
        found = next((name for name, steps in self.phases.items() if step in steps), step)
        return f"bootstrap {self.verb} phase {found.replace('/', ' ')}"

    def _steps(self, phase: str) -> Iterator[str]:
        yield phase
        for name, steps in self.phases.items():
            if _within(name, phase):
                yield from steps


def _within(name: str, above: str) -> bool:
    return name == above or name.startswith(f"{above}/")


OF_INIT = Naming(
    INIT,
    dict.fromkeys(
        (
            *("certs", "kubeconfig", "etcd", "etcd/local", "control-plane", "kubelet-start", "wait-control-plane"),
            *("upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "kubelet-finalize"),
            *("addon", "addon/coredns", "addon/kube-proxy"),
        ),
        (),
    ),
    {PREFLIGHT: "it changes nothing", "show-join-command": "it prints, and changes nothing"},
)
"""A configuration may leave them without a step, and their names are good all the same."""
_SHARED = ("certs/ca", "certs/front-proxy-ca", "certs/etcd-ca", "certs/sa", "certs/encryption")
_OWN = (
    *("certs/apiserver", "certs/apiserver-kubelet-client", "certs/apiserver-etcd-client", "certs/front-proxy-client"),
    *("certs/etcd-server", "certs/etcd-peer", "certs/etcd-healthcheck-client"),
)
OF_JOIN = Naming(
    JOIN,
    {
        "control-plane-prepare/download-certs": _SHARED,
        "control-plane-prepare/certs": _OWN,
        "control-plane-prepare/kubeconfig": ("kubeconfig",),
        "control-plane-prepare/control-plane": ("control-plane",),
        "kubelet-start": (),
        "etcd-join": (),
        "kubelet-wait-bootstrap": (),
        "control-plane-join/mark-control-plane": ("mark-control-plane",),
        "wait-control-plane": (),
    },
    {PREFLIGHT: "it changes nothing", "check-etcd": "etcd is asked when the member is added"},
)
_OF_BOTH: Mapping[str, tuple[str, ...]] = {
    "control-plane": ("control-plane/exchanged", "control-plane/shown", "upgrade/certs", "etcd/peer-url"),
    "kubelet-config": ("kubelet-start/config",),
    "addon": (),
    "addon/coredns": (),
    "addon/kube-proxy": (),
}
_WITHOUT = {
    PREFLIGHT: "it changes nothing",
    "kubeconfig": "the kubelet of a control plane asks its own API server already",
    "post-upgrade": "nothing is left of the version before",
}
OF_UPGRADE = Naming("upgrade apply", {**_OF_BOTH, "upload-config": (), "bootstrap-token": ()}, _WITHOUT)
OF_UPGRADE_NODE = Naming("upgrade node", _OF_BOTH, _WITHOUT)
