"""A cluster in somebody's kubeconfig: the real kubectl uses it, writes the file anew, and the rest is still there."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from tests.e2e.node import Node, docker, must

MINE = """\
# the clusters of my team
clusters:
- {name: work, cluster: {server: "https://work.example.test"}}
contexts:
- {name: work, context: {cluster: work, user: me, namespace: mine}}
current-context: work # for now
users:
- {name: me, user: {token: t}}
"""
FILE = "/tmp/mine/config"  # noqa: S108 - in a container of our own
INSIDE = ("--server", "https://127.0.0.1:6443", "--context", "ours")


def mine(node: Node, *argv: str) -> str:
    return must(docker("exec", "-e", f"KUBECONFIG={FILE}", node.name, *argv))


def view(node: Node) -> dict[str, list[dict[str, str]]]:
    return json.loads(mine(node, "kubectl", "config", "view", "-o", "json"))  # type: ignore[no-any-return]


def test_kubectl_uses_what_was_merged_and_it_goes_again(cluster: Node) -> None:
    cluster.run("mkdir", "-p", str(PurePosixPath(FILE).parent))
    docker("exec", "-i", cluster.name, "sh", "-c", f"cat >{FILE}; chown 1234:1234 {FILE}", stdin=MINE.encode())

    assert "the current context is ours" in mine(cluster, "bootstrap", "kubeconfig", "--merge", *INSIDE)
    assert mine(cluster, "kubectl", "get", "--raw", "/readyz") == "ok"
    assert cluster.run("stat", "-c", "%u %a", FILE).split() == ["1234", "600"]
    mine(cluster, "bootstrap", "kubeconfig", "--unmerge", "--context", "ours")
    assert cluster.run("cat", FILE) == MINE

    mine(cluster, "bootstrap", "kubeconfig", "--merge", *INSIDE)
    mine(cluster, "kubectl", "config", "set-context", "second", "--cluster=work", "--user=me")  # writes all of it anew
    assert mine(cluster, "kubectl", "get", "--raw", "/readyz") == "ok"
    assert {entry["name"] for entry in view(cluster)["contexts"]} == {"ours", "second", "work"}
    mine(cluster, "bootstrap", "kubeconfig", "--unmerge", "--context", "ours")
    left = view(cluster)
    names = {kind: [entry["name"] for entry in left[kind]] for kind in ("clusters", "contexts", "users")}
    assert names == {"clusters": ["work"], "contexts": ["second", "work"], "users": ["me"]}
    assert left["current-context"] == "work"
