"""What is not well before an upgrade is named before it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from bootstrap.model import names
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.preflight.upgrading import missing_manifests, upgrade_outcomes

WELL = ClusterFacts("v1.36.3", nodes=(ClusterNode("cp", "v1.36.3", control_plane=True), ClusterNode("w", "v1.36.3")))
CP_AWAY = ClusterFacts("v1.36.3", nodes=(ClusterNode("cp", "v1.36.3", ready=False, control_plane=True),))
WORKER_AWAY = ClusterFacts("v1.36.3", nodes=(ClusterNode("w", "v1.36.3", ready=False),))
OLD_KUBELET = ClusterFacts("v1.36.3", nodes=(ClusterNode("w", "v1.33.9"), ClusterNode("other", "v1.34.0")))
OLD_PLANE = ClusterFacts("v1.36.3", nodes=(ClusterNode("cp", "v1.35.9", control_plane=True),))


def found(
    cluster: ClusterFacts | None = WELL,
    missing: Collection[str] = (),
    editors: Collection[str] = (),
    ignored: Collection[str] = (),
) -> list[tuple[str, bool]]:
    outcomes = upgrade_outcomes(cluster, missing, editors, ignored)
    return [(finding.name, finding.error) for outcome in outcomes for finding in outcome.findings]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"cluster": None}, [("ControlPlaneNodesReady", True)]),
        ({"cluster": CP_AWAY}, [("ControlPlaneNodesReady", True)]),
        ({"cluster": CP_AWAY, "ignored": ("controlplanenodesready",)}, [("ControlPlaneNodesReady", False)]),
        ({"cluster": WORKER_AWAY}, [("ControlPlaneNodesReady", False)]),
        ({"missing": ("kube-scheduler",)}, [("StaticPodManifest", True)]),
        ({"cluster": OLD_KUBELET}, [("KubeletSkew", True)]),
        ({"cluster": OLD_KUBELET, "ignored": ("KubeletSkew",)}, [("KubeletSkew", False)]),
        ({"cluster": OLD_PLANE}, [("KubeletSkew", True)]),
        ({"editors": ("kubectl-edit",)}, [("KubeadmConfig", True)]),
        ({"editors": ("kubectl-edit",), "ignored": ("all",)}, [("KubeadmConfig", False)]),
    ],
)
def test_what_is_not_well_is_found_and_can_be_ignored(given: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    assert found(**given) == expected


def test_etcd_may_be_elsewhere_and_others_static_pods_are_theirs() -> None:
    assert missing_manifests({*names.CONTROL_PLANE, "theirs"}) == ()
    assert missing_manifests({"etcd", "kube-apiserver"}) == ("kube-controller-manager", "kube-scheduler")
