"""API objects that make a cluster kubeadm's own tools recognise: configuration, tokens, roles, marks.

Every object is complete for server-side apply.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.addon import NO_STORAGE
from bootstrap.model.cluster import BootstrapConfig, BootstrapToken, ClusterConfig
from bootstrap.render.node.kubelet import cluster_configuration
from bootstrap.render.pki.kubeconfig import cluster_info_kubeconfig

Object = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_BOOTSTRAPPERS = {"kind": "Group", "name": names.BOOTSTRAP_GROUP}
_NODES = {"kind": "Group", "name": names.NODES_GROUP}
_CSR = "system:certificates.k8s.io:certificatesigningrequests"
HASH_ANNOTATION = "kubeadm.kubernetes.io/component-config.hash"


def cluster_admins() -> Object:
    """Gives admin.conf its rights; applied first, with super-admin.conf."""
    return cluster_role_binding(names.ADMIN_GROUP, "cluster-admin", {"kind": "Group", "name": names.ADMIN_GROUP})


def kubeadm_config(document: Mapping[str, Any]) -> tuple[Object, ...]:
    """The stored ClusterConfiguration (`document`, complete) and who may read it."""
    config = config_map("kubeadm-config", {"ClusterConfiguration": to_yaml(dict(document))})
    return (config, *_readable("kubeadm:nodes-kubeadm-config", "kubeadm-config", _BOOTSTRAPPERS, _NODES))


def kubelet_config(cfg: ClusterConfig) -> tuple[Object, ...]:
    """The KubeletConfiguration that joining nodes read, and who may."""
    config = config_map("kubelet-config", {"kubelet": to_yaml(cluster_configuration(cfg))})
    if not cfg.cluster.kubelet:
        sign(config)
    return (config, *_readable("kubeadm:kubelet-config", "kubelet-config", _NODES, _BOOTSTRAPPERS))


def own_config(own: BootstrapConfig) -> tuple[Object, ...]:
    """What of our own document concerns every machine, and who may read it; mirrors and bundles are each one's own."""
    document = {
        "apiVersion": names.OWN_VERSION,
        "kind": names.OWN_KIND,
        "cni": own.cni,
        "hardening": own.hardening,
        "workloadsOnControlPlane": own.workloads_on_control_plane,
        "extraSANs": list(own.extra_sans),
        **({} if own.certificate_renewal else {"certificateRenewal": False}),
        "verifyKubelets": own.verify_kubelets is not False,
        **({"controlPlaneVIP": own.control_plane_vip.document} if own.control_plane_vip else {}),
        **({"storage": own.storage} if own.storage != NO_STORAGE else {}),
        **({"loadBalancerAddresses": list(own.load_balancer_addresses)} if own.load_balancer_addresses else {}),
        **({"encryption": own.encryption.document} if own.encryption else {}),
        **({"etcdSnapshots": own.etcd_snapshots} if own.etcd_snapshots else {}),
    }
    config = config_map(names.OWN_CONFIG_MAP, {names.OWN_KIND: to_yaml(document)})
    return (config, *_readable("bootstrap:config", names.OWN_CONFIG_MAP, _BOOTSTRAPPERS, _NODES))


def cluster_info(cfg: ClusterConfig, ca_pem: bytes) -> tuple[Object, ...]:
    """The endpoint and CA for anyone who asks; the controller manager signs it for each token."""
    data = {"kubeconfig": cluster_info_kubeconfig(cfg, ca_pem).decode()}
    anonymous = {"apiGroup": _RBAC, "kind": "User", "name": "system:anonymous"}
    config = config_map("cluster-info", data, namespace="kube-public")
    name = "kubeadm:bootstrap-signer-clusterinfo"
    return (config, *_readable(name, "cluster-info", anonymous, namespace="kube-public"))


def bootstrap_rbac() -> tuple[Object, ...]:
    """What a joining node may do, which of its requests are approved, and the API server's way to kubelets."""
    user = {"kind": "User", "name": "kube-apiserver-kubelet-client"}
    get_nodes = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]
    return (
        cluster_role_binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", _BOOTSTRAPPERS),
        cluster_role_binding("kubeadm:node-autoapprove-bootstrap", f"{_CSR}:nodeclient", _BOOTSTRAPPERS),
        cluster_role_binding("kubeadm:node-autoapprove-certificate-rotation", f"{_CSR}:selfnodeclient", _NODES),
        _object(f"{_RBAC}/v1", "ClusterRole", "kubeadm:get-nodes", rules=get_nodes),
        cluster_role_binding("kubeadm:get-nodes", "kubeadm:get-nodes", _BOOTSTRAPPERS),
        cluster_role_binding("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", user),
    )


def approver_rbac() -> tuple[Object, Object]:
    """The controller manager, which signs what kubelets serve with, may approve it too: by its credential our unit
    does, on each control plane."""
    name, group = "bootstrap:kubelet-serving-approver", "certificates.k8s.io"
    rules = [
        {"apiGroups": [group], "resources": ["certificatesigningrequests"], "verbs": ["list", "watch"]},
        {"apiGroups": [group], "resources": ["certificatesigningrequests/approval"], "verbs": ["patch"]},
        {
            "apiGroups": [group],
            "resources": ["signers"],
            "resourceNames": [names.SERVING_SIGNER],
            "verbs": ["approve"],
        },
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
    ]
    user = {"kind": "User", "name": "system:kube-controller-manager"}
    return _object(f"{_RBAC}/v1", "ClusterRole", name, rules=rules), cluster_role_binding(name, name, user)


def token_secret(token: BootstrapToken, now: datetime) -> Object:
    """The Secret of a bootstrap token that has been made; `ttl` 0 without `expires` never expires."""
    identifier, secret = token.token.split(".")
    data = {"token-id": identifier, "token-secret": secret}
    if token.description:
        data["description"] = token.description
    if expires := _expiration(token, now):
        data["expiration"] = expires
    data |= {f"usage-bootstrap-{usage}": "true" for usage in token.usages}
    if token.groups:
        data["auth-extra-groups"] = ",".join(token.groups)
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    name = f"bootstrap-token-{identifier}"
    return _object("v1", "Secret", name, namespace="kube-system", type="bootstrap.kubernetes.io/token", data=encoded)


def readable_secret(name: str, secret: str) -> tuple[Object, Object]:
    """A Role and RoleBinding `name` that let joining nodes get a Secret of kube-system."""
    return _readable(name, secret, _BOOTSTRAPPERS, kind="secrets")


def opaque(name: str, data: Mapping[str, str]) -> Object:
    """A Secret of kube-system; `data` is base64."""
    return _object("v1", "Secret", name, namespace="kube-system", type="Opaque", data=dict(data))


def node_marks(cfg: ClusterConfig) -> Object:
    """The control-plane labels of this node; its taints are set when it registers (render.kubelet.node_taints)."""
    labels = {names.CONTROL_PLANE_ROLE: "", names.EXCLUDE_LOAD_BALANCERS: ""}
    body = _object("v1", "Node", cfg.node.name)
    body["metadata"]["labels"] = labels
    return body


def config_map(name: str, data: Mapping[str, str], *, namespace: str = "kube-system") -> Object:
    """A ConfigMap."""
    return _object("v1", "ConfigMap", name, namespace=namespace, data=dict(data))


def cluster_role_binding(name: str, role: str, subject: Mapping[str, str]) -> Object:
    """Binds a ClusterRole to one group or user everywhere."""
    return _object(
        f"{_RBAC}/v1",
        "ClusterRoleBinding",
        name,
        roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        subjects=[{"apiGroup": _RBAC, **subject}],
    )


def sign(config: Object) -> None:
    """Annotate with the hash that tells kubeadm nobody edited this: an upgrade may then replace it."""
    digest = hashlib.sha256("".join(config["data"][k] for k in sorted(config["data"])).encode()).hexdigest()
    config["metadata"].setdefault("annotations", {})[HASH_ANNOTATION] = f"sha256:{digest}"


def _readable(
    name: str, resource: str, *subjects: Mapping[str, str], namespace: str = "kube-system", kind: str = "configmaps"
) -> tuple[Object, Object]:
    """A Role and RoleBinding `name` that let `subjects` get one object of `kind`, a plural."""
    rule = {"apiGroups": [""], "resources": [kind], "resourceNames": [resource], "verbs": ["get"]}
    return (
        _object(f"{_RBAC}/v1", "Role", name, namespace=namespace, rules=[rule]),
        _object(
            f"{_RBAC}/v1",
            "RoleBinding",
            name,
            namespace=namespace,
            roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
            subjects=[{"apiGroup": _RBAC, **subject} for subject in subjects],
        ),
    )


def _object(api_version: str, kind: str, name: str, *, namespace: str = "", **fields: Any) -> Object:
    metadata: Object = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _expiration(token: BootstrapToken, now: datetime) -> str:
    if token.expires or not token.ttl:
        return token.expires
    return f"{now + timedelta(seconds=token.ttl):%Y-%m-%dT%H:%M:%SZ}"
