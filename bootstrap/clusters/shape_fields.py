"""The fields of a cluster's file: kind's v1alpha4, and our own document, which says the same in the same words."""

from __future__ import annotations

from bootstrap.config.schema.fields import Fields
from bootstrap.model.addon import LOAD_BALANCERS, STORAGES
from bootstrap.model.names import OWN_VERSION

KIND = "Cluster"
KINDS_VERSION = "kind.x-k8s.io/v1alpha4"
VERSIONS = (KINDS_VERSION, OWN_VERSION)
_PATCHES = {"kubeadmConfigPatches": "[]string", "kubeadmConfigPatchesJSON6902": "[]PatchJSON6902"}
_NETWORKING = {
    "ipFamily": "IPFamily",
    "apiServerPort": "int32",
    "apiServerAddress": "string",
    "podSubnet": "string",
    "serviceSubnet": "string",
    "disableDefaultCNI": "bool",
    "kubeProxyMode": "KubeProxyMode",
    "dnsSearch": "[]string",
}
_CLUSTER = {
    "name": "string",
    "nodes": "[]Node",
    "networking": "Networking",
    "featureGates": "map[]bool",
    "runtimeConfig": "map[]string",
    **_PATCHES,
    "containerdConfigPatches": "[]string",
    "containerdConfigPatchesJSON6902": "[]string",
}
_TYPES = {
    "Cluster": _CLUSTER,
    "Node": {
        "role": "Role",
        "image": "string",
        "labels": "map[]string",
        "extraMounts": "[]Mount",
        "extraPortMappings": "[]PortMapping",
        **_PATCHES,
    },
    "Networking": _NETWORKING,
    "Mount": {
        "containerPath": "string",
        "hostPath": "string",
        "readOnly": "bool",
        "selinuxRelabel": "bool",
        "propagation": "Propagation",
    },
    "PortMapping": {
        "containerPort": "int32",
        "hostPort": "int32",
        "listenAddress": "string",
        "protocol": "Protocol",
    },
    "PatchJSON6902": {"group": "string", "version": "string", "kind": "string", "patch": "string"},
}
_ENUMS = {
    "Role": ("control-plane", "worker"),
    "IPFamily": ("ipv4", "ipv6", "dual"),
    "KubeProxyMode": ("iptables", "nftables", "ipvs", "none"),
    "Propagation": ("None", "HostToContainer", "Bidirectional"),
    "Storage": STORAGES,
    "LoadBalancer": LOAD_BALANCERS,
    "Protocol": ("TCP", "UDP", "SCTP", "tcp", "udp", "sctp"),
}
_OWN = {
    "Cluster": {**_CLUSTER, "network": "string", "storage": "Storage", "loadBalancer": "LoadBalancer"},
    "Networking": {**_NETWORKING, "cni": "string"},
}
"""What ours has more; add-ons, mirrors, bundles and the shared address are in other documents of the same file."""
FIELDS = {
    KINDS_VERSION: Fields(_ENUMS, _TYPES),
    OWN_VERSION: Fields(_ENUMS, {**_TYPES, **_OWN}),
}
PROPAGATIONS = {"": "", "None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
