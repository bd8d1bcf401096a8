"""From the model's values back to documents, in the shape in which kubeadm marshals v1beta4."""

from __future__ import annotations

from typing import Any

from bootstrap.config.complete import TIMEOUT_FIELDS
from bootstrap.config.loader import OWN_KIND, OWN_VERSION
from bootstrap.config.own.mirror_documents import to_document
from bootstrap.formats.durations import format_duration
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model.addon import NO_STORAGE
from bootstrap.model.cluster import (
    Arg,
    BootstrapConfig,
    BootstrapToken,
    ClusterConfig,
    Component,
    Document,
    ExternalEtcd,
    LocalEtcd,
    NodeSpec,
)

_VERSION = "kubeadm.k8s.io/v1beta4"


def to_cluster_configuration(config: ClusterConfig) -> dict[str, Any]:
    """What the ConfigMap kubeadm-config stores: defaults written out, empty fields left out."""
    networking = config.cluster.networking
    return _filled(
        {
            "apiVersion": _VERSION,
            "kind": "ClusterConfiguration",
            "clusterName": config.cluster.cluster_name,
            "kubernetesVersion": config.cluster.kubernetes_version,
            "controlPlaneEndpoint": config.cluster.control_plane_endpoint,
            "certificatesDir": config.cluster.certificates_dir,
            "imageRepository": config.cluster.image_repository,
            "encryptionAlgorithm": config.cluster.encryption_algorithm,
            "certificateValidityPeriod": format_duration(config.cluster.certificate_validity),
            "caCertificateValidityPeriod": format_duration(config.cluster.ca_certificate_validity),
            "featureGates": dict(config.cluster.feature_gates),
        }
    ) | {
        "networking": _filled(
            {
                "serviceSubnet": networking.service_subnet,
                "podSubnet": networking.pod_subnet,
                "dnsDomain": networking.dns_domain,
            }
        ),
        "etcd": _etcd(config.cluster.etcd),
        "apiServer": _component(config.cluster.api_server)
        | _filled({"certSANs": list(config.cluster.api_server_cert_sans)}),
        "controllerManager": _component(config.cluster.controller_manager),
        "scheduler": _component(config.cluster.scheduler),
        "dns": _filled(
            {
                "imageRepository": config.cluster.dns_image_repository,
                "imageTag": config.cluster.dns_image_tag,
                "disabled": config.cluster.dns_disabled,
            }
        ),
        "proxy": _filled({"disabled": config.cluster.proxy_disabled}),
    }


def to_init_configuration(config: ClusterConfig) -> dict[str, Any]:
    """The InitConfiguration of this machine and this run. A token that is not made yet has no `token` field."""
    run = config.run
    document = to_node_configuration(config.node) | _filled(
        {
            "bootstrapTokens": [_token(token) for token in run.tokens],
            "certificateKey": run.certificate_key,
            "dryRun": run.dry_run,
            "skipPhases": list(run.skip_phases),
            "timeouts": {name: format_duration(getattr(run.timeouts, field)) for field, name in TIMEOUT_FIELDS.items()},
        }
    )
    document["nodeRegistration"] |= _filled({"ignorePreflightErrors": list(run.ignore_preflight_errors)})
    return document


def to_node_configuration(node: NodeSpec) -> dict[str, Any]:
    """What stays of InitConfiguration, or of JoinConfiguration, when its run is over: no token, no key."""
    head = {"apiVersion": _VERSION, "kind": "JoinConfiguration" if node.server or not node.api else "InitConfiguration"}
    patches = _filled({"patches": _filled({"directory": node.patches_directory})})
    endpoint = {"advertiseAddress": node.api.advertise_address, "bindPort": node.api.bind_port} if node.api else {}
    joined = {"bootstrapToken": {"apiServerEndpoint": node.server}} if node.server else {}
    listens = {"controlPlane": {"localAPIEndpoint": endpoint} if endpoint else {}, "discovery": joined}
    own = listens if node.server else {"localAPIEndpoint": endpoint}
    return head | patches | _filled(own) | {"nodeRegistration": _node(node)}


def to_bootstrap_configuration(own: BootstrapConfig) -> dict[str, Any]:
    """Our own document."""
    return {
        "apiVersion": OWN_VERSION,
        "kind": OWN_KIND,
        "cni": own.cni,
        "hardening": own.hardening,
        "workloadsOnControlPlane": own.workloads_on_control_plane,
        "extraSANs": list(own.extra_sans),
        **({} if own.certificate_renewal else {"certificateRenewal": False}),
        "verifyKubelets": own.verify_kubelets,
    } | _filled(
        {
            "bundle": _filled({"trustedKeys": list(own.trusted_keys)}),
            "mirrors": to_document(own.mirrors),
            "addons": list(own.addons),
            "imagesInConfigMaps": own.images_in_config_maps,
            "controlPlaneVIP": own.control_plane_vip.document if own.control_plane_vip else {},
            "storage": own.storage if own.storage != NO_STORAGE else "",
            "loadBalancerAddresses": list(own.load_balancer_addresses),
            "encryption": own.encryption.document if own.encryption else {},
            "etcdSnapshots": own.etcd_snapshots,
        }
    )


def dump(config: ClusterConfig) -> str:
    """Every document, as YAML; `load` and `resolve` make an equal configuration of it."""
    return to_yaml(*all_documents(config))


def all_documents(config: ClusterConfig) -> list[Document]:
    """Every document that says something."""
    documents: list[Document] = [
        to_init_configuration(config),
        to_cluster_configuration(config),
        to_bootstrap_configuration(config.own),
        config.cluster.kubelet,
        config.cluster.kube_proxy,
    ]
    return [document for document in documents if document]


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    """Without fields that are empty or false: Go's omitempty."""
    return {k: v for k, v in document.items() if v}


def _args(args: tuple[Arg, ...]) -> list[dict[str, str]]:
    return [{"name": a.name, "value": a.value} for a in args]


def _component(component: Component) -> dict[str, Any]:
    volumes = [
        {"name": v.name, "hostPath": v.host_path, "mountPath": v.mount_path}
        | _filled({"readOnly": v.read_only, "pathType": v.path_type})
        for v in component.extra_volumes
    ]
    return _filled(
        {
            "extraArgs": _args(component.extra_args),
            "extraEnvs": [dict(env) for env in component.extra_envs],
            "extraVolumes": volumes,
        }
    )


def _etcd(etcd: LocalEtcd | ExternalEtcd) -> dict[str, Any]:
    if isinstance(etcd, ExternalEtcd):
        return {
            "external": {
                "endpoints": list(etcd.endpoints),
                "httpEndpoints": list(etcd.http_endpoints),
                "caFile": etcd.ca_file,
                "certFile": etcd.cert_file,
                "keyFile": etcd.key_file,
            }
        }
    return {
        "local": {"dataDir": etcd.data_dir}
        | _filled(
            {
                "imageRepository": etcd.image_repository,
                "imageTag": etcd.image_tag,
                "extraArgs": _args(etcd.extra_args),
                "extraEnvs": [dict(env) for env in etcd.extra_envs],
                "serverCertSANs": list(etcd.server_cert_sans),
                "peerCertSANs": list(etcd.peer_cert_sans),
            }
        )
    }


def _token(token: BootstrapToken) -> dict[str, Any]:
    life = {"expires": token.expires} if token.expires else {"ttl": format_duration(token.ttl)}
    return (
        _filled(
            {
                "token": token.token,
                "description": token.description,
                "usages": list(token.usages),
                "groups": list(token.groups),
            }
        )
        | life
    )


def _node(node: NodeSpec) -> dict[str, Any]:
    taints = None if node.taints is None else [t.document for t in node.taints]
    return _filled(
        {
            "name": node.name,
            "criSocket": node.cri_socket,
            "kubeletExtraArgs": _args(node.kubelet_extra_args),
            "imagePullPolicy": node.image_pull_policy,
        }
    ) | {"imagePullSerial": node.image_pull_serial, "taints": taints}
