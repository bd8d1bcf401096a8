"""The etcd member of a machine, as its static Pod says it: kubeadm's and ours are alike."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.model import names
from bootstrap.model.cluster import Document
from bootstrap.render.addresses import nearby, split_url, url_host
from bootstrap.render.controlplane.args import flags_of

DATA = "member"
"""What etcd makes in its data directory when it starts for the first time: from then on it knows its cluster by that,
whatever its flags say."""


@dataclass(frozen=True)
class EtcdMember:
    """`url` and `peer_urls` are those that it listens at and is known by; certificates are paths on the machine."""

    url: str
    peer_urls: tuple[str, ...]
    data_dir: str
    ca: str
    certificate: str
    key: str
    others: tuple[str, ...] = ()
    """URLs for clients of the members that it met at first, as kubeadm and we choose them."""

    @property
    def peer_url(self) -> str:
        return self.peer_urls[0]


def etcdctl(program: str, ca: str, certificate: str, key: str, endpoints: str = "") -> tuple[str, ...]:
    """The words of a command, up to what is asked; paths are as `program` sees them."""
    where = (f"--endpoints={endpoints}",) if endpoints else ()
    return (program, *where, f"--cacert={ca}", f"--cert={certificate}", f"--key={key}")


def member(manifest: bytes) -> EtcdMember | None:
    """None for what is no manifest of a member with certificates: its lines are the user's, and may say anything."""
    try:
        flags = flags_of(parse_one(manifest))
        return EtcdMember(
            url=_reached(flags["listen-client-urls"].split(",")[0]),
            peer_urls=tuple(flags["initial-advertise-peer-urls"].split(",")),
            data_dir=flags["data-dir"],
            ca=flags["trusted-ca-file"],
            certificate=flags["cert-file"],
            key=flags["key-file"],
            others=_others(flags.get("initial-cluster", ""), flags["initial-advertise-peer-urls"]),
        )
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return None


def run_by(pod: Document) -> tuple[int, int] | None:
    """User and group of its process where the Pod names them, as kubeadm's RootlessControlPlane does; None for root."""
    spec = pod["spec"]
    settings = (spec.get("securityContext") or {}) | (spec["containers"][0].get("securityContext") or {})
    user = int(settings.get("runAsUser") or 0)
    return (user, int(settings.get("runAsGroup") or 0)) if user else None


def _others(cluster: str, own: str) -> tuple[str, ...]:
    """Of `NAME=URL,…`."""
    urls = (entry.partition("=")[2] for entry in cluster.split(",") if entry)
    hosts = (split_url(url)[1] for url in urls if url not in own.split(","))
    return tuple(f"https://{url_host(host)}:{names.ETCD_CLIENT_PORT}" for host in hosts)


def first_met(manifest: bytes, own: str) -> dict[str, str]:
    """Name → peer URL of the members, but for its `own`, that one met when it was new; empty where nothing says it."""
    try:
        items = flags_of(parse_one(manifest))["initial-cluster"].split(",")
        return {name: url for name, _, url in (item.partition("=") for item in items) if name != own}
    except (UnreadableError, TypeError, KeyError, IndexError, ValueError, AttributeError):
        return {}


def _reached(url: str) -> str:
    """What is listened at, from this machine."""
    scheme, host, port = split_url(url)
    return f"{scheme}://{url_host(nearby(host))}:{port or names.ETCD_CLIENT_PORT}"
