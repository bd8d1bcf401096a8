"""What the cluster and the CNI plugins say of this machine's Pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from bootstrap.diagnosis.evidence import Pending
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.host.facts.network import OF_PODS, interfaces
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError

IPAM = f"{names.CNI_STATE}/networks"
"""host-local keeps a file for each address that it has given, in a directory for each network."""
NODES = "/api/v1/nodes"
Object = Mapping[str, Any]
PENDING = "/api/v1/pods?fieldSelector=status.phase%3DPending"


def pending(host: HostReader) -> tuple[Pending, ...]:
    """Pods for which the scheduler finds no node; none where nobody can be asked."""
    content = host.read(names.SUPER_ADMIN_CONF) or host.read(names.ADMIN_CONF)
    if not content:
        return ()
    # Here, since an undisturbed run looks at nothing: the HTTP client costs 0.1 s.
    from bootstrap.host.kube_client import KubeApi

    try:
        api = KubeApi(content, read_kubeconfig(content).cluster["server"])
        pods = api.get(PENDING).body.get("items") or ()
        nodes = api.get(NODES).body.get("items") or () if pods else ()
    except (BootstrapError, ConnectionError, ValueError, KeyError):
        return ()
    return unscheduled(pods, nodes)


def unscheduled(pods: Sequence[Object], nodes: Sequence[Object]) -> tuple[Pending, ...]:
    """Those of which the scheduler says that no node takes them."""
    return tuple(
        Pending(
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
            str(condition.get("message", "")),
            tuple(dict.fromkeys(_untolerated(pod, nodes))),
        )
        for pod in pods
        for condition in pod.get("status", {}).get("conditions") or ()
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    )


def _untolerated(pod: Object, nodes: Sequence[Object]) -> Iterator[str]:
    tolerated = pod.get("spec", {}).get("tolerations") or ()
    for node in nodes:
        for taint in node.get("spec", {}).get("taints") or ():
            if taint["effect"] != "PreferNoSchedule" and not any(_tolerates(t, taint) for t in tolerated):
                yield taint["key"]


def _tolerates(toleration: Object, taint: Object) -> bool:
    """As the scheduler has it: no key is every key, no effect every effect."""
    return (
        toleration.get("key", taint["key"]) == taint["key"]
        and toleration.get("effect", taint["effect"]) == taint["effect"]
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
    )


def pod_addresses(host: HostReader) -> tuple[str, ...]:
    """Those that Pods of this machine were given."""
    given = (name for network in host.listdir(IPAM) for name in host.listdir(f"{IPAM}/{network}"))
    return tuple(_addresses(given))


def _addresses(texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        try:
            yield str(ip_address(text))
        except ValueError:
            continue  # last_reserved_ip.0, lock


def own_addresses(host: Host) -> dict[str, str]:
    """Address → interface, without those of Pods."""
    try:
        links = interfaces(host)
    except (BootstrapError, ValueError):
        return {}
    return {
        info["local"]: link["ifname"]
        for link in links
        for info in link["addr_info"]
        if info["scope"] == "global" and not OF_PODS.match(link["ifname"])
    }
