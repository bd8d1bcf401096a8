"""What several machines of one cluster are asked, by all suites that join some."""

from __future__ import annotations

import re

from tests.e2e.node import Node


def lines(text: str) -> list[str]:
    """The commands to join with that are shown in it."""
    return [line.strip() for line in re.findall(r"^ *(?:grow it +)?(bootstrap join .*)$", text, re.MULTILINE)]


def ready(cluster: Node, name: str) -> bool:
    conditions = cluster.get("node", name)["status"]["conditions"]
    return next(c["status"] for c in conditions if c["type"] == "Ready") == "True"


def members(cluster: Node) -> list[str]:
    return list(peers(cluster))


def peers(cluster: Node) -> dict[str, str]:
    """Name → URL of etcd's members."""
    return {name: url for _, _, name, url, *_ in listed(cluster)}


def listed(cluster: Node) -> list[list[str]]:
    """Id, status, name, URLs of etcd's members, and whether it is a learner."""
    return [line.split(", ") for line in etcdctl(cluster, "member list").splitlines()]


def etcdctl(node: Node, words: str) -> str:
    """What the tool says to a shell's `words`."""
    keys = "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/peer.crt"
    return node.run("sh", "-c", f"etcdctl {keys} --key=/etc/kubernetes/pki/etcd/peer.key {words}")


def serves(cluster: Node, name: str) -> bool:
    """Whether the API server believes the kubelet of that node."""
    return cluster.exec("kubectl", "get", "--raw", f"/api/v1/nodes/{name}/proxy/healthz").stdout == "ok"
