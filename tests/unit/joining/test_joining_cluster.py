"""What a cluster tells the machines that join it, and what is said when it does not."""

from __future__ import annotations

import pytest

from bootstrap.host.port import ApiResponse
from bootstrap.joining.cluster import cluster_of, shared_settings, with_settings_of
from bootstrap.model.addon import UNKNOWN_CNI
from bootstrap.model.cluster import BootstrapConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import config_map, own_config
from tests.memory_api import MemoryApi

CLUSTER = "kind: ClusterConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\nclusterName: blue\n"
KUBELET = "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nmaxPods: 50\n"


def api(**maps: dict[str, str]) -> MemoryApi:
    memory = MemoryApi()
    for name, data in maps.items():
        memory.create(config_map(name.replace("_", "-"), data))
    return memory


def test_the_clusters_configuration_is_what_it_stores() -> None:
    found = cluster_of(api(kubeadm_config={"ClusterConfiguration": CLUSTER}, kubelet_config={"kubelet": KUBELET}))

    assert (found.cluster_name, found.kubelet["maxPods"]) == ("blue", 50)
    assert found.networking.pod_subnet == "", "a cluster without a Pod range has none"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ApiResponse(401, {}), "does not take the token"),
        (ApiResponse(403, {"message": "forbidden"}), "no kubeadm-config"),
        (ApiResponse(404, {}), "no kubeadm-config"),
        (ApiResponse(200, {"data": {}}), "no kubeadm-config"),
    ],
)
def test_a_token_that_has_ended_is_another_thing_than_no_configuration(answer: ApiResponse, words: str) -> None:
    with pytest.raises(BootstrapError, match=words) as found:
        cluster_of(MemoryApi(answer))
    assert found.value.code == Exit.API


@pytest.mark.parametrize("text", ["a: [", "[1]", "", "&a [*a]"])
def test_a_configuration_that_somebody_broke_is_named(text: str) -> None:
    broken = api(kubeadm_config={"ClusterConfiguration": CLUSTER}, kubelet_config={"kubelet": text})
    with pytest.raises(BootstrapError, match="kubelet-config cannot be read") as found:
        cluster_of(broken)
    assert (found.value.code, "edit configmap kubelet-config" in found.value.fix) == (Exit.API, True)


def test_our_own_settings_are_the_clusters() -> None:
    said = BootstrapConfig(
        cni="none",
        hardening=False,
        workloads_on_control_plane=True,
        extra_sans=("api.test",),
        storage="local-path",
        load_balancer_addresses=("192.0.2.64/26",),
        verify_kubelets=True,
    )
    memory = MemoryApi()
    memory.create(own_config(said)[0])

    found = with_settings_of(memory, BootstrapConfig(addons=("x",)))
    assert shared_settings(found) == shared_settings(said) and found.addons == ("x",)


def test_a_cluster_that_kubeadm_made_sees_to_its_own_network() -> None:
    found = with_settings_of(MemoryApi(), BootstrapConfig())

    assert (found.cni, found.hardening, found.verify_kubelets) == (UNKNOWN_CNI, True, False)
