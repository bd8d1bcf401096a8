"""A leader that ended with this machine's last boot does not keep others waiting; any other keeps its lease."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.host.port import ApiResponse
from bootstrap.model.effects import LeaseFreed
from tests.unit.engine.fakes import MemoryApi, context

NAME = "kube-controller-manager"
PATH = f"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{NAME}"
BOOTED = 1_800_000_000.0
BEFORE, SINCE = "2027-01-15T07:59:59.999999Z", "2027-01-15T08:00:00.000001Z"
EFFECT = LeaseFreed(NAME, "node-1", BOOTED)


def lease(kind: type[MemoryApi] = MemoryApi, **spec: Any) -> MemoryApi:
    api = kind()
    metadata = {"name": NAME, "namespace": "kube-system"}
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    api.create(body, manager=NAME)
    return api


@pytest.mark.parametrize("holder", ["node-1_5f1b", "Node-1_5f1b"])
def test_the_lease_of_the_last_boot_is_freed(holder: str) -> None:
    api = lease(holderIdentity=holder, renewTime=BEFORE, leaseTransitions=3)

    assert apply_effect(EFFECT, context(api=api), 1) == f"lease {NAME} freed"
    spec = api.objects[PATH]["spec"]
    assert not spec.get("holderIdentity")
    assert spec["leaseTransitions"] == 3


@pytest.mark.parametrize(
    "spec",
    [
        {"holderIdentity": "node-1_5f1b", "renewTime": SINCE},
        {"holderIdentity": "node-2_5f1b", "renewTime": BEFORE},
        {"holderIdentity": "my-node-1_5f1b", "renewTime": BEFORE},
        {"holderIdentity": "node-1", "renewTime": BEFORE},
        {"holderIdentity": "node-1_5f1b"},
        {"renewTime": BEFORE},
        {},
    ],
)
def test_every_other_lease_stays(spec: dict[str, str]) -> None:
    api = lease(**spec)
    before = api.objects[PATH]

    assert apply_effect(EFFECT, context(api=api), 1) == ""
    assert api.objects[PATH] == before


def test_a_cluster_that_never_had_a_leader_has_nothing_to_free() -> None:
    assert apply_effect(EFFECT, context(), 1) == ""


def test_who_takes_it_meanwhile_keeps_it() -> None:
    """Another machine's leader comes between our look and our write."""

    class Overtaken(MemoryApi):
        def get(self, path: str) -> ApiResponse:
            found = super().get(path)
            answer = ApiResponse(found.status, {**found.body})
            if self.objects[PATH]["spec"]["holderIdentity"] == "node-1_5f1b":
                self.edit(PATH, {"spec": {"holderIdentity": "node-2_77aa", "renewTime": SINCE}})
            return answer

    api = lease(Overtaken, holderIdentity="node-1_5f1b", renewTime=BEFORE)

    assert apply_effect(EFFECT, context(api=api), 5) == ""
    assert api.objects[PATH]["spec"]["holderIdentity"] == "node-2_77aa"
