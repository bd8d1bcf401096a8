"""Checks for what another Kubernetes left, or still runs, on a host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import HOST_RUNTIME
from bootstrap.preflight.finding import Found, check


@dataclass(frozen=True)
class Product:
    """What a product leaves (a directory counts when something is in it), its units, and how to undo it."""

    name: str
    paths: tuple[str, ...]
    units: tuple[str, ...]
    undo: str


OURS = "bootstrap"
KUBEADM = "kubeadm"
PRODUCTS = (
    Product(OURS, (names.STATE_DIR,), (HOST_RUNTIME.unit,), "bootstrap reset"),
    Product(
        KUBEADM,
        (names.PKI_DIR, names.ADMIN_CONF, names.KUBELET_CONF, names.KUBELET_CONFIG),
        (names.KUBELET_SERVICE,),
        "kubeadm reset",
    ),
    Product(
        "k3s",
        ("/etc/rancher/k3s", "/var/lib/rancher/k3s"),
        ("k3s.service", "k3s-agent.service"),
        "k3s-uninstall.sh (k3s-agent-uninstall.sh on an agent)",
    ),
    Product(
        "rke2",
        ("/etc/rancher/rke2", "/var/lib/rancher/rke2"),
        ("rke2-server.service", "rke2-agent.service"),
        "rke2-uninstall.sh",
    ),
    Product("k0s", ("/etc/k0s", "/var/lib/k0s"), ("k0scontroller.service", "k0sworker.service"), "k0s reset"),
    Product(
        "microk8s",
        ("/var/snap/microk8s/current",),
        ("snap.microk8s.daemon-kubelite.service",),
        "snap remove --purge microk8s",
    ),
    Product("minikube", ("/var/lib/minikube",), (), "minikube delete"),
)
LINKS = (*names.POD_LINKS, "kube-bridge", "vxlan.calico", "cilium_host", "weave")
"""Those, and interfaces of other Pod networks."""


def lookups() -> tuple[str, ...]:
    """Paths whose presence the checks here ask about."""
    return tuple(path for product in PRODUCTS for path in product.paths)


@check(
    "Leftovers-*",
    f"Nothing of {', '.join(p.name for p in PRODUCTS[1:])} or of an earlier run of ours is here. Files left are a "
    "warning; a unit that still runs is an error.",
    "Undo it with the product's own command.",
    error=False,
    fresh=True,
    host=True,
)
def products(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    present = set(facts.configured.present)
    for product in PRODUCTS:
        if product.name == KUBEADM and names.STATE_DIR in present:
            continue  # the same paths as ours
        running = [unit for unit in product.units if facts.units.get(unit) == "active"]
        left = [path for path in product.paths if path in present]
        if running:
            yield Found(f"{product.name} runs here ({', '.join(running)})", product.undo, product.name, error=True)
        elif left:
            yield Found(f"{product.name} was here and left {', '.join(left)}", product.undo, product.name)


@check(
    "Leftovers-links",
    "No interface of another Pod network is here.",
    "`ip link delete NAME`.",
    error=False,
    fresh=True,
    host=True,
)
def links(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    left = [link for link in LINKS if link in facts.links]
    if left:
        yield Found(
            f"interfaces of another Pod network are here: {', '.join(left)}",
            "; ".join(f"ip link delete {link}" for link in left),
        )


@check(
    "Leftovers-rules",
    "No rules of another kube-proxy are in the packet filter, as far as `nft` shows them.",
    "A reboot removes them.",
    error=False,
    fresh=True,
    host=True,
)
def rules(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.chains:
        some = ", ".join(facts.chains[:3]) + (f" and {len(facts.chains) - 3} more" if len(facts.chains) > 3 else "")
        yield Found(f"the packet filter has rules of another kube-proxy ({some})", "A reboot removes them")


ALL = (products, links, rules)
