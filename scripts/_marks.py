"""What a cluster has reached: one poller asks the same questions of each API server, with the same credentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from _bench import condition
from _cpu import by_program

from bootstrap.host.kube_client import KubeApi
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.render.images import required
from tests.parity import live

POD = "bench-resolver"


class Poller:
    """Asks one API server, with the credentials of system:masters, what has been reached."""

    def __init__(self, container: str) -> None:
        """A container that is there already has used CPU time that does not count; one that comes counts from birth."""
        self.cpu: Counter[str] = Counter()
        """Seconds by program, until a Pod has resolved a name."""
        self._container = container
        self._node = _inspected(container)
        self._before = by_program(self._node) if self._node else Counter[str]()
        self._api: KubeApi | None = None
        self._ready = False
        self._pod_made = False

    def looks(self) -> dict[str, Callable[[], bool]]:
        """Mark → whether it is reached; each raises ConnectionError while nobody can be asked."""
        return {
            "api": self._api_ready,
            "node": self._node_ready,
            "dns": self._dns_available,
            "name": self._name_resolved,
        }

    @property
    def node(self) -> live.Node:
        self._node = self._node or _inspected(self._container)
        if self._node is None:
            raise ConnectionError("there is no such container yet")
        return self._node

    @property
    def _client(self) -> KubeApi:
        if self._api is None:
            text = self.node.read(names.SUPER_ADMIN_CONF)
            try:
                self._api = KubeApi(text or b"", f"https://{self.node.address}:{names.API_PORT}")
            except (BootstrapError, KeyError, ValueError) as e:
                raise ConnectionError("no credentials yet, or half of them") from e
        return self._api

    def _api_ready(self) -> bool:
        self._ready = self._client.get("/readyz").status == 200
        return self._ready

    def _node_ready(self) -> bool:
        items = self._client.get("/api/v1/nodes").body.get("items", []) if self._ready else []
        return any(condition(item, "Ready") for item in items)

    def _dns_available(self) -> bool:
        path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
        return self._ready and condition(self._client.get(path).body, "Available")

    def _name_resolved(self) -> bool:
        """The Pod is made as soon as the API server takes it (its namespace's ServiceAccount has to be there)."""
        if self._ready and not self._pod_made:
            self._pod_made = self._client.create(resolver(self.node.address)).status == 201
        if not self._pod_made:
            return False
        answer = self._client.get(f"/api/v1/namespaces/default/pods/{POD}")
        if answer.status != 200 or answer.body["status"].get("phase") != "Succeeded":
            return False
        self.cpu = by_program(self.node)
        self.cpu.subtract(self._before)
        return True


def _inspected(container: str) -> live.Node | None:
    """None until the container has an address."""
    try:
        return live.Node.inspect(container)
    except live.NodeError:
        return None


def resolver(address: str) -> dict[str, Any]:
    """A Pod that ends once the cluster's DNS knows a Service: the node's own `getent` in an image that has a shell."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # kubeadm's node keeps its taint. A node that is not ready is not tolerated: the kubelet would back off.
            "tolerations": [{"key": names.CONTROL_PLANE_ROLE, "operator": "Exists"}],
            # A question into the void, before there is a DNS server, costs one second and not five.
            "dnsConfig": {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]},
            "containers": [
                {
                    "name": "resolver",
                    "image": required.flannel(live.default_cluster(address)),
                    "command": ["sh", "-c", "until /getent hosts kubernetes.default.svc; do sleep 0.1; done"],
                    "volumeMounts": [{"name": "getent", "mountPath": "/getent", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "getent", "hostPath": {"path": "/usr/bin/getent", "type": "File"}}],
        },
    }
