"""What a cluster tells the machines that join it: kubeadm-config and kubelet-config."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

from bootstrap.config import read_cluster_configuration
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.model import names
from bootstrap.model.addon import NO_STORAGE, UNKNOWN_CNI
from bootstrap.model.cluster import BootstrapConfig, ClusterSpec
from bootstrap.model.encryption import Encryption
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.virtual_address import VirtualAddress

CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"

_SHARED = (
    *("cni", "hardening", "workloads_on_control_plane", "extra_sans", "control_plane_vip", "certificate_renewal"),
    *("storage", "load_balancer_addresses", "encryption", "etcd_snapshots"),
    "verify_kubelets",
)


class Reader(Protocol):
    def get(self, path: str) -> Any: ...


def cluster_of(api: Reader) -> ClusterSpec:
    """Raises BootstrapError (exit 7) in words when the token is no good, or the cluster is not kubeadm's kind."""
    spec = read_cluster_configuration(_data(api, "kubeadm-config", "ClusterConfiguration").encode())
    return dataclasses.replace(spec, kubelet=_mapping("kubelet-config", _data(api, "kubelet-config", "kubelet")))


def with_settings_of(api: Reader, own: BootstrapConfig) -> BootstrapConfig:
    """`own` with what the cluster says for all its machines; one that is not ours has its own network."""
    answer = api.get(f"{CONFIG_MAPS}/{names.OWN_CONFIG_MAP}")
    text = answer.body.get("data", {}).get(names.OWN_KIND) if answer.status == 200 else None
    if not isinstance(text, str):
        return dataclasses.replace(own, cni=UNKNOWN_CNI, verify_kubelets=False)
    said = _mapping(names.OWN_CONFIG_MAP, text)
    return dataclasses.replace(
        own,
        cni=str(said.get("cni", UNKNOWN_CNI)),
        hardening=said.get("hardening") is not False,
        workloads_on_control_plane=said.get("workloadsOnControlPlane"),
        extra_sans=tuple(map(str, said.get("extraSANs", ()))),
        certificate_renewal=said.get("certificateRenewal") is not False,
        storage=str(said.get("storage", NO_STORAGE)),
        load_balancer_addresses=tuple(map(str, said.get("loadBalancerAddresses", ()))),
        verify_kubelets=said.get("verifyKubelets") is True,
        control_plane_vip=VirtualAddress.of_document(vip) if (vip := said.get("controlPlaneVIP")) else None,
        encryption=Encryption.of_document(found) if (found := said.get("encryption")) else None,
        etcd_snapshots=int(said.get("etcdSnapshots", 0)),
    )


def shared_settings(own: BootstrapConfig) -> dict[str, Any]:
    """Of our own document, what the cluster says for all its machines."""
    return {name: getattr(own, name) for name in _SHARED}


def _mapping(name: str, text: str) -> dict[str, Any]:
    why = "it is no mapping"
    try:
        found = parse_one(text.encode())
    except UnreadableError as e:
        found, why = None, str(e.problem)
    if not isinstance(found, dict):
        raise BootstrapError(
            f"the cluster's {name} cannot be read",
            code=Exit.API,
            why=why,
            fix=f"correct it on a control plane: kubectl -n kube-system edit configmap {name}",
        )
    return found


def _data(api: Reader, name: str, key: str) -> str:
    answer = api.get(f"{CONFIG_MAPS}/{name}")
    if answer.status == 401:
        raise BootstrapError(
            "the API server does not take the token",
            code=Exit.API,
            why="it has expired, or was deleted a moment ago",
            fix="on a control plane: bootstrap token create --print-join-command",
        )
    found = answer.body.get("data", {}).get(key) if answer.status == 200 else None
    if not isinstance(found, str):
        raise BootstrapError(
            f"the cluster has no {name} that a joining machine may read",
            code=Exit.API,
            why=str(answer.body.get("message") or f"HTTP {answer.status}"),
            fix="on a control plane: bootstrap init phase upload-config all",
        )
    return found
