"""What the cluster and the CNI plugins say of this machine's Pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from bootstrap.diagnosis.evidence import Pending
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.host.facts.network import OF_PODS, interfaces
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError

IPAM = "/var/lib/cni/networks"
"""host-local keeps a file for each address that it has given, in a directory for each network."""
PENDING = "/api/v1/pods?fieldSelector=status.phase%3DPending"


def pending(host: HostReader) -> tuple[Pending, ...]:
    """Pods for which the scheduler finds no node; none where nobody can be asked."""
    content = host.read(names.SUPER_ADMIN_CONF) or host.read(names.ADMIN_CONF)
    if not content:
        return ()
    # Here, since an undisturbed run looks at nothing: the HTTP client costs 0.1 s.
    from bootstrap.host.kube_client import KubeApi

    try:
        found = KubeApi(content, read_kubeconfig(content).cluster["server"]).get(PENDING).body
    except (BootstrapError, ConnectionError, ValueError, KeyError):
        return ()
    return unscheduled(found.get("items") or ())


def unscheduled(pods: Iterable[Mapping[str, Any]]) -> tuple[Pending, ...]:
    """Those of which the scheduler says that no node takes them."""
    return tuple(
        Pending(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", str(condition.get("message", "")))
        for pod in pods
        for condition in pod.get("status", {}).get("conditions") or ()
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
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
