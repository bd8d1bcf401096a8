"""Three control planes behind haproxy: one is killed, comes back, and one leaves."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.node import IMAGE, PREFIX, Node, docker, must, until
from tests.e2e.test_clusters import bootstrap, left, readiness


def test_three_control_planes_go_on_without_one(tmp_path: Path) -> None:
    name = f"{PREFIX}-ha-{os.getpid()}"
    planes = [f"{name}-control-plane{number}" for number in ("", 2, 3)]
    asked = ("--entrypoint", "kubectl", "-e", "KUBECONFIG=/root/.kube/config", "-v", f"{tmp_path}:/root/.kube", IMAGE)

    def kubectl(*words: str) -> str:
        return must(docker("run", "--rm", "--network", "host", *asked, "--request-timeout=5s", *words))

    try:
        bootstrap("create", name, "--control-planes", "3", "--timeout", "4m", home=tmp_path)
        must(docker("kill", planes[0]))
        until("it takes writes", lambda: kubectl("create", "configmap", "written-by-two"), 30)
        must(docker("start", planes[0]))
        until("all Ready", lambda: set(readiness(Node.found(planes[1])).values()) == {"True"}, 120)

        bootstrap("remove", planes[2])
        assert set(readiness(Node.found(planes[1]))) == set(planes[:2])
        assert planes[2] not in must(docker("exec", f"{name}-load-balancer", "cat", "/etc/haproxy/haproxy.cfg"))
        assert kubectl("get", "configmap", "written-by-two")
    finally:
        bootstrap("delete", name, home=tmp_path)
    assert left(name) == []
