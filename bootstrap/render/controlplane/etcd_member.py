"""The etcd member of a machine, as its static Pod says it: kubeadm's and ours are alike."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.formats.yaml_reader import parse_one


@dataclass(frozen=True)
class EtcdMember:
    """`url` and `peer_url` are those that it listens at and is known by; certificates are paths on the machine."""

    url: str
    peer_url: str
    data_dir: str
    ca: str
    certificate: str
    key: str


def member(manifest: bytes) -> EtcdMember | None:
    """None for what is no manifest of a member with certificates: its lines are the user's, and may say anything."""
    try:
        command = parse_one(manifest)["spec"]["containers"][0]["command"]
        flags = dict(word.removeprefix("--").split("=", 1) for word in command if word.startswith("--"))
        return EtcdMember(
            url=flags["listen-client-urls"].split(",")[0],
            peer_url=flags["initial-advertise-peer-urls"].split(",")[0],
            data_dir=flags["data-dir"],
            ca=flags["trusted-ca-file"],
            certificate=flags["cert-file"],
            key=flags["key-file"],
        )
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return None
