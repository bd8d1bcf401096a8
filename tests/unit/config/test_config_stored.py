"""What a run leaves for the next one, and how it is read again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap.config import (
    Documents,
    Overrides,
    dump,
    load,
    read_cluster_configuration,
    read_stored,
    resolve,
    to_stored,
)
from bootstrap.config.complete import joining_node
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.rules import check
from bootstrap.model.cluster import ApiEndpoint, Arg, ClusterConfig, ClusterSpec, NodeSpec, RunOptions, Taint
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.reconfigure import check_difference, kept
from tests.configs import changed
from tests.memory import MemoryHost

KUBEADM = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: "
SECRET = "abcdef.0123456789abcdef"  # noqa: S105 - a placeholder
OF_A_RUN: dict[str, Any] = {
    "bootstrapTokens": [{"token": SECRET}],
    "certificateKey": "0f" * 32,
    "dryRun": True,
    "skipPhases": ["addon/coredns"],
    "timeouts": {"discovery": "7m"},
    "nodeRegistration": {"ignorePreflightErrors": ["Swap"]},
}
CFG = resolve(Documents(), Overrides(), ANY_HOST)


def given(**fields: Any) -> ClusterConfig:
    document = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration", **fields}
    return resolve(load(yaml.safe_dump(document).encode()), Overrides(), ANY_HOST)


@pytest.mark.parametrize("field", sorted(OF_A_RUN))
def test_an_option_of_one_run_is_neither_stored_nor_a_difference(field: str) -> None:
    cfg = given(**{field: OF_A_RUN[field]})

    assert cfg.run != RunOptions()
    assert to_stored(cfg) == to_stored(CFG)
    check_difference(MemoryHost(), "node", to_stored(CFG).encode(), cfg, reconfigure=False)


def test_options_that_an_older_file_holds_are_not_those_of_the_next_run() -> None:
    before = dump(given(**OF_A_RUN)).encode()

    assert resolve(kept(before, Overrides()), Overrides(), ANY_HOST).run == RunOptions()


@pytest.mark.parametrize("version", ["v1.36.3+bootstrap.1", "v1.35.0", "v1.99.0", "v2.0.0-alpha.1"])
def test_any_version_is_read_as_it_stands(version: str) -> None:
    cfg = changed(CFG, kubernetes_version=version)

    assert read_stored(to_stored(cfg).encode()) == cfg


def test_a_field_is_known_by_the_minor_that_has_it() -> None:
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "defaultPodSysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
    }
    new, old = (changed(CFG, kubelet=kubelet, kubernetes_version=v) for v in ("v1.37.0", "v1.36.3"))

    assert read_stored(to_stored(new).encode()).cluster.kubelet == kubelet
    assert "defaultPodSysctls" not in read_stored(to_stored(old).encode()).cluster.kubelet


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("apiServer: {}", "apiServer: 3"),
        ("apiServer: {}", "later: {field: 1}"),
        ("certificateValidityPeriod: 8760h0m0s", "certificateValidityPeriod: soon"),
        ("imageRepository: localhost/bootstrap", "imageRepository: No Repository"),
    ],
)
def test_nothing_that_is_written_is_judged(written: str, instead: str) -> None:
    assert written in to_stored(CFG)
    text = to_stored(CFG).replace(written, instead)

    assert read_stored(text.encode()).node == CFG.node


@pytest.mark.parametrize("text", [b"\x80\x81", b"a: b: c", b"{" * 200_000])
def test_what_is_no_yaml_is_one_clear_error(text: bytes) -> None:
    with pytest.raises(BootstrapError) as caught:
        read_stored(text)

    assert caught.value.code == Exit.CONFLICT


def test_kubeadm_config_as_kubeadm_wrote_it() -> None:
    text = f"""{KUBEADM}ClusterConfiguration
kubernetesVersion: v1.36.1
imageRepository: registry.k8s.io
controlPlaneEndpoint: lb.example.test:8443
networking: {{dnsDomain: cluster.local, serviceSubnet: 10.96.0.0/12}}
apiServer: {{extraArgs: [{{name: v, value: "4"}}]}}
"""
    spec = read_cluster_configuration(text.encode())

    assert (spec.kubernetes_version, spec.control_plane_endpoint) == ("v1.36.1", "lb.example.test:8443")
    assert (spec.networking.pod_subnet, spec.api_server.extra_args) == ("", (Arg("v", "4"),))


WORKER = NodeSpec("w1", taints=(Taint("a", "NoExecute"),), patches_directory="/p")


def test_a_worker_is_stored_without_an_api_server() -> None:
    cfg = ClusterConfig(WORKER, ClusterSpec(control_plane_endpoint="192.0.2.9:6443"))
    text = to_stored(cfg)

    assert read_stored(text.encode()) == cfg
    assert "kind: JoinConfiguration" in text and "localAPIEndpoint" not in text
    assert list(check(cfg)) == []
    assert cfg.endpoint == "192.0.2.9:6443"


@pytest.mark.parametrize(
    ("document", "api"),
    [
        ({}, None),
        ({"controlPlane": {}}, ApiEndpoint("192.0.2.1")),
        ({"controlPlane": {"localAPIEndpoint": {"bindPort": 7443}}}, ApiEndpoint("192.0.2.1", 7443)),
    ],
)
def test_a_joining_machine_has_an_api_server_if_it_is_of_the_control_plane(
    document: dict[str, Any], api: ApiEndpoint | None
) -> None:
    assert joining_node(document, CFG.cluster.networking, ANY_HOST).api == api
