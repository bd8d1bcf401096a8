"""From documents to the model's values, defaults filled in. Documents have passed `schema.checked`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.config import networks, validators, versions
from bootstrap.config.loader import Documents
from bootstrap.formats.durations import parse_duration
from bootstrap.model import names
from bootstrap.model.addon import NO_CNI
from bootstrap.model.cluster import (
    ApiEndpoint,
    Arg,
    BootstrapConfig,
    BootstrapToken,
    ClusterConfig,
    ClusterSpec,
    Component,
    Document,
    ExternalEtcd,
    LocalEtcd,
    Networking,
    NodeSpec,
    RunOptions,
    Taint,
    Timeouts,
    Volume,
)
from bootstrap.model.errors import Problem
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME

TIMEOUT_FIELDS = {
    "control_plane_component_health_check": "controlPlaneComponentHealthCheck",
    "kubelet_health_check": "kubeletHealthCheck",
    "kubernetes_api_call": "kubernetesAPICall",
    "etcd_api_call": "etcdAPICall",
    "tls_bootstrap": "tlsBootstrap",
    "discovery": "discovery",
    "upgrade_manifests": "upgradeManifests",
}
"""Field of the model's Timeouts → its name in YAML."""
"""As advertiseAddress: choose one of this host's."""


def build(documents: Documents, facts: HostFacts, problems: list[Problem]) -> ClusterConfig:
    """One complete configuration of `init`; what cannot be made sense of is added to `problems`."""
    init = documents.get("InitConfiguration")
    own = documents.own or BootstrapConfig()
    own = dataclasses.replace(own, extra_sans=tuple(san.lower() for san in own.extra_sans))
    port = init.get("localAPIEndpoint", {}).get("bindPort") or names.API_PORT
    spec, facts = cluster(documents, own, port, problems), lasting(facts, own)
    return ClusterConfig(control_plane_node(init, spec.networking, facts), spec, own, run_options(init, problems))


def lasting(facts: HostFacts, own: BootstrapConfig) -> HostFacts:
    """The machine without the address that its control plane may hold just now."""
    return facts.without_address(own.control_plane_vip.address) if own.control_plane_vip else facts


def control_plane_node(doc: Document, network: Networking, facts: HostFacts) -> NodeSpec:
    """A machine with an API server; `doc` is its InitConfiguration."""
    return dataclasses.replace(worker_node(doc, facts), api=_endpoint(doc.get("localAPIEndpoint", {}), network, facts))


def joining_node(doc: Document, network: Networking, facts: HostFacts) -> NodeSpec:
    """A machine by its JoinConfiguration: a worker, or with `controlPlane` one more of the control plane."""
    server = doc.get("discovery", {}).get("bootstrapToken", {}).get("apiServerEndpoint", "")
    machine = dataclasses.replace(worker_node(doc, facts), server=server)
    if "controlPlane" not in doc:
        return machine
    endpoint = doc["controlPlane"].get("localAPIEndpoint", {})
    return dataclasses.replace(machine, api=_endpoint(endpoint, network, facts))


def worker_node(doc: Document, facts: HostFacts) -> NodeSpec:
    """A machine without an API server."""
    machine = node(doc.get("nodeRegistration", {}), facts)
    return dataclasses.replace(machine, patches_directory=doc.get("patches", {}).get("directory", ""))


def _endpoint(doc: Document, network: Networking, facts: HostFacts) -> ApiEndpoint:
    address = _advertised(doc.get("advertiseAddress", ""), network, facts)
    return ApiEndpoint(address, doc.get("bindPort") or names.API_PORT)


ChooseVersion = Callable[[str, str, list[Problem]], tuple[str, str]]
"""Version and image repository as written → complete; what is wrong with them is added to the problems."""


def cluster(
    documents: Documents,
    own: BootstrapConfig,
    port: int,
    problems: list[Problem],
    choose: ChooseVersion = versions.chosen,
) -> ClusterSpec:
    """What all machines share; `port` is the API server's where controlPlaneEndpoint has none."""
    doc, base = documents.get("ClusterConfiguration"), ClusterSpec()
    version, repository = choose(doc.get("kubernetesVersion", ""), doc.get("imageRepository", ""), problems)
    dns = doc.get("dns", {})
    return ClusterSpec(
        cluster_name=doc.get("clusterName") or base.cluster_name,
        kubernetes_version=version,
        control_plane_endpoint=_with_port(doc.get("controlPlaneEndpoint", "") or _virtual(own), port),
        certificates_dir=doc.get("certificatesDir") or base.certificates_dir,
        image_repository=repository,
        encryption_algorithm=doc.get("encryptionAlgorithm") or base.encryption_algorithm,
        certificate_validity=_seconds(doc, "certificateValidityPeriod", base.certificate_validity),
        ca_certificate_validity=_seconds(doc, "caCertificateValidityPeriod", base.ca_certificate_validity),
        networking=_networking(doc.get("networking", {}), own),
        etcd=_etcd(doc.get("etcd", {}), problems),
        api_server=_component(doc.get("apiServer", {})),
        api_server_cert_sans=tuple(san.lower() for san in doc.get("apiServer", {}).get("certSANs", [])),
        controller_manager=_component(doc.get("controllerManager", {})),
        scheduler=_component(doc.get("scheduler", {})),
        dns_image_repository=dns.get("imageRepository", ""),
        dns_image_tag=dns.get("imageTag", ""),
        dns_disabled=dns.get("disabled", False),
        proxy_disabled=doc.get("proxy", {}).get("disabled", False),
        feature_gates=dict(doc.get("featureGates", {})),
        kubelet=dict(documents.get("KubeletConfiguration")),
        kube_proxy=dict(documents.get("KubeProxyConfiguration")),
    )


def run_options(init: Document, problems: list[Problem]) -> RunOptions:
    """Of InitConfiguration, or of JoinConfiguration, which makes no tokens."""
    tokens = init.get("bootstrapTokens") or [{}]
    return RunOptions(
        tokens=tuple(_token(token, i, problems) for i, token in enumerate(tokens)),
        certificate_key=init.get("controlPlane", init).get("certificateKey", ""),
        skip_phases=tuple(init.get("skipPhases", [])),
        ignore_preflight_errors=ignored_checks(init.get("nodeRegistration", {})),
        timeouts=_timeouts(init.get("timeouts", {})),
        dry_run=init.get("dryRun", False),
    )


def ignored_checks(registration: Document) -> tuple[str, ...]:
    """nodeRegistration.ignorePreflightErrors."""
    return tuple(registration.get("ignorePreflightErrors", []))


def node(doc: Document, facts: HostFacts) -> NodeSpec:
    """nodeRegistration; the name is the host's unless given."""
    socket = doc.get("criSocket") or default_socket(facts)
    taints = doc.get("taints")
    return NodeSpec(
        name=(doc.get("name") or facts.hostname).strip().lower(),
        cri_socket=f"unix://{socket}" if socket.startswith("/") else socket,
        taints=None if taints is None else tuple(map(_taint, taints)),
        kubelet_extra_args=_args(doc.get("kubeletExtraArgs", [])),
        image_pull_policy=doc.get("imagePullPolicy") or "IfNotPresent",
        image_pull_serial=doc.get("imagePullSerial", True),
    )


def _taint(doc: Document) -> Taint:
    return Taint(doc.get("key", ""), doc.get("effect", ""), doc.get("value", ""), doc.get("timeAdded", ""))


def default_socket(facts: HostFacts) -> str:
    """A host's own CRI runtime if there is one that no Docker engine uses, else ours."""
    if facts.mode == "node":
        return NODE_RUNTIME.socket
    return facts.free_cri_socket or HOST_RUNTIME.socket


def _networking(doc: Document, own: BootstrapConfig) -> Networking:
    service = doc.get("serviceSubnet") or names.SERVICE_SUBNET
    default = networks.default_pod_subnet(service) if own.cni != NO_CNI else ""
    return Networking(service, doc.get("podSubnet") or default, doc.get("dnsDomain") or names.DNS_DOMAIN)


def _advertised(given: str, network: Networking, facts: HostFacts) -> str:
    if given in names.ANY_ADDRESS:
        return facts.default_address((networks.families(network.service_subnet) or [4])[0])
    return given


def _virtual(own: BootstrapConfig) -> str:
    """The address that the control planes hold in turn, if there is one: what leads to all of them."""
    vip = own.control_plane_vip
    return vip.address if vip and validators.address(vip.address) else ""


def _with_port(endpoint: str, port: int) -> str:
    """controlPlaneEndpoint with its port, as kubeadm stores it; left alone if it is not an endpoint."""
    parts = validators.split_endpoint(endpoint) if endpoint else None
    return validators.join_endpoint(parts[0], parts[1] or port) if parts else endpoint


def _seconds(doc: Document, key: str, default: float) -> float:
    return parse_duration(doc[key]) if key in doc else default


def _args(items: list[dict[str, str]]) -> tuple[Arg, ...]:
    return tuple(Arg(i.get("name", ""), i.get("value", "")) for i in items)


def _envs(items: list[dict[str, Any]]) -> tuple[Document, ...]:
    """EnvVar documents; a fieldRef gets the apiVersion that the API machinery gives it."""
    return tuple(_env(item) for item in items)


def _env(item: dict[str, Any]) -> Document:
    source = item.get("valueFrom", {})
    if "fieldRef" not in source:
        return item
    return item | {"valueFrom": source | {"fieldRef": {"apiVersion": "v1"} | source["fieldRef"]}}


def _component(doc: Document) -> Component:
    return Component(
        extra_args=_args(doc.get("extraArgs", [])),
        extra_envs=_envs(doc.get("extraEnvs", [])),
        extra_volumes=tuple(
            Volume(
                v.get("name", ""),
                v.get("hostPath", ""),
                v.get("mountPath", ""),
                v.get("readOnly", False),
                v.get("pathType", ""),
            )
            for v in doc.get("extraVolumes", [])
        ),
    )


def _etcd(doc: Mapping[str, Any], problems: list[Problem]) -> LocalEtcd | ExternalEtcd:
    if "external" in doc and "local" in doc:
        problems.append(Problem("ClusterConfiguration.etcd", "local and external exclude each other"))
    if "external" in doc:
        e = doc["external"]
        endpoints = tuple(e.get("endpoints", []))
        http = tuple(e.get("httpEndpoints", [])) or endpoints
        return ExternalEtcd(endpoints, e.get("caFile", ""), e.get("certFile", ""), e.get("keyFile", ""), http)
    e = doc.get("local", {})
    return LocalEtcd(
        data_dir=e.get("dataDir") or names.ETCD_DATA_DIR,
        image_repository=e.get("imageRepository", ""),
        image_tag=e.get("imageTag", ""),
        extra_args=_args(e.get("extraArgs", [])),
        extra_envs=_envs(e.get("extraEnvs", [])),
        server_cert_sans=tuple(e.get("serverCertSANs", [])),
        peer_cert_sans=tuple(e.get("peerCertSANs", [])),
    )


def _token(doc: Document, index: int, problems: list[Problem]) -> BootstrapToken:
    path = f"InitConfiguration.bootstrapTokens[{index}]"
    default = BootstrapToken()
    if "ttl" in doc and "expires" in doc:
        problems.append(Problem(path, "ttl and expires exclude each other"))
    if doc.get("token") == "":
        problems.append(Problem(f"{path}.token", validators.token("")))
    return BootstrapToken(
        token=doc.get("token", ""),
        ttl=_seconds(doc, "ttl", default.ttl),
        expires=doc.get("expires", ""),
        usages=tuple(doc.get("usages", [])) or default.usages,
        groups=tuple(doc.get("groups", [])) or default.groups,
        description=doc.get("description", ""),
    )


def _timeouts(doc: Document) -> Timeouts:
    return Timeouts(**{field: parse_duration(doc[name]) for field, name in TIMEOUT_FIELDS.items() if name in doc})
