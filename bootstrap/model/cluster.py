"""The complete configuration: what kubeadm v1beta4 says plus our own document, every default filled in.

Names follow kubeadm's v1beta4 fields in snake case; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.model import names
from bootstrap.model.encryption import Encryption
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.runtime import NODE_RUNTIME
from bootstrap.model.secrets import Secret
from bootstrap.model.virtual_address import VirtualAddress

Document = Mapping[str, Any]
"""A parsed YAML document of an upstream kind, camelCase keys."""


@dataclass(frozen=True)
class Arg:
    name: str
    value: str


@dataclass(frozen=True)
class Volume:
    name: str
    host_path: str
    mount_path: str
    read_only: bool = False
    path_type: str = ""


@dataclass(frozen=True)
class Component:
    """Settings of one control-plane component; `extra_envs` are core/v1 EnvVar documents."""

    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Document, ...] = ()
    extra_volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True)
class LocalEtcd:
    data_dir: str = names.ETCD_DATA_DIR
    image_repository: str = ""
    image_tag: str = ""
    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Document, ...] = ()
    server_cert_sans: tuple[str, ...] = ()
    peer_cert_sans: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExternalEtcd:
    endpoints: tuple[str, ...]
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    http_endpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Networking:
    """CIDRs are kept as written (`a` or `a,b` for dual-stack)."""

    service_subnet: str = names.SERVICE_SUBNET
    pod_subnet: str = names.POD_SUBNET
    dns_domain: str = names.DNS_DOMAIN

    @property
    def service_subnets(self) -> tuple[str, ...]:
        return tuple(s for s in self.service_subnet.split(",") if s)

    @property
    def pod_subnets(self) -> tuple[str, ...]:
        return tuple(s for s in self.pod_subnet.split(",") if s)


@dataclass(frozen=True)
class Taint:
    key: str
    effect: str
    value: str = ""
    time_added: str = ""

    def __str__(self) -> str:
        """As kubectl writes it."""
        return f"{self.key}{'=' + self.value if self.value else ''}:{self.effect}"

    @property
    def document(self) -> dict[str, str]:
        """As the API has it."""
        more = {"value": self.value, "timeAdded": self.time_added}
        return {"key": self.key, "effect": self.effect} | {k: v for k, v in more.items() if v}


@dataclass(frozen=True)
class ApiEndpoint:
    """Where the API server of one machine listens (kubeadm's localAPIEndpoint)."""

    advertise_address: str
    bind_port: int = names.API_PORT

    def __str__(self) -> str:
        host = f"[{self.advertise_address}]" if ":" in self.advertise_address else self.advertise_address
        return f"{host}:{self.bind_port}"


@dataclass(frozen=True)
class NodeSpec:
    """One machine. `taints` None means kubeadm's default: NoSchedule on a control plane."""

    name: str
    cri_socket: str = NODE_RUNTIME.socket
    taints: tuple[Taint, ...] | None = None
    kubelet_extra_args: tuple[Arg, ...] = ()
    image_pull_policy: str = "IfNotPresent"
    image_pull_serial: bool = True
    patches_directory: str = ""
    api: ApiEndpoint | None = None
    """None for a worker."""
    server: str = ""
    """`host:port` of the API that this machine joined, as the cluster itself says it; empty where the cluster began."""


@dataclass(frozen=True)
class BootstrapToken:
    """`token` is `id.secret`; empty = one is made by the first init. `ttl` in seconds, 0 = never expires."""

    token: str = ""
    ttl: float = 24 * 3600
    expires: str = ""
    usages: tuple[str, ...] = ("signing", "authentication")
    groups: tuple[str, ...] = (names.BOOTSTRAP_GROUP,)
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", Secret(self.token))
        Secret(self.token.partition(".")[2])


@dataclass(frozen=True)
class Timeouts:
    """Seconds; kubeadm's defaults (v1beta4 Timeouts)."""

    control_plane_component_health_check: float = 240
    kubelet_health_check: float = 240
    kubernetes_api_call: float = 60
    etcd_api_call: float = 120
    tls_bootstrap: float = 300
    discovery: float = 300
    upgrade_manifests: float = 300


@dataclass(frozen=True)
class BootstrapConfig:
    """`bootstrap/v1alpha1` BootstrapConfiguration: what kubeadm has no field for.

    `cni` is `flannel`, `none` or a manifest, `addons` are manifests, as `model.addon.parse_source` reads them.
    `hardening` False leaves out the flags of docs/explanation/hardening.md; `workloads_on_control_plane` None means
    "allowed in node mode, where there is one node".
    """

    cni: str = "flannel"
    hardening: bool = True
    workloads_on_control_plane: bool | None = None
    extra_sans: tuple[str, ...] = ()
    mirrors: Mirrors = field(default_factory=Mirrors)
    trusted_keys: tuple[str, ...] = ()
    """Public keys (PEM) of those whose bundles are taken."""
    addons: tuple[str, ...] = ()
    images_in_config_maps: bool = False
    """Whether ConfigMaps of add-ons are searched for images too."""
    control_plane_vip: VirtualAddress | None = None
    certificate_renewal: bool = True
    """Whether a timer renews the certificates of a control plane before they end."""
    verify_kubelets: bool | None = None
    """Whether kubelets serve with certificates that the cluster has signed, and the API server wants to see them; None
    means "as it is, and in a new cluster whose CA's key is here"."""
    storage: str = "none"
    """`local-path`: a default StorageClass whose volumes are folders of the nodes."""
    load_balancer_addresses: tuple[str, ...] = ()
    """CIDRs, or `first-last`, from which LoadBalancer Services get an address; none: no load balancer."""
    encryption: Encryption | None = None
    etcd_snapshots: int = 0
    """How many of those stay that a timer takes of etcd once a day; 0: no timer."""


@dataclass(frozen=True)
class ClusterSpec:
    """What all machines of a cluster share: kubeadm-config stores it, and kubelet-config."""

    cluster_name: str = "kubernetes"
    kubernetes_version: str = names.BUILT_VERSION
    control_plane_endpoint: str = ""
    certificates_dir: str = names.PKI_DIR
    image_repository: str = names.BUILT_REPOSITORY
    encryption_algorithm: str = "ECDSA-P256"
    certificate_validity: float = 8760 * 3600
    ca_certificate_validity: float = 87600 * 3600
    networking: Networking = field(default_factory=Networking)
    etcd: LocalEtcd | ExternalEtcd = field(default_factory=LocalEtcd)
    api_server: Component = field(default_factory=Component)
    api_server_cert_sans: tuple[str, ...] = ()
    controller_manager: Component = field(default_factory=Component)
    scheduler: Component = field(default_factory=Component)
    dns_image_repository: str = ""
    dns_image_tag: str = ""
    dns_disabled: bool = False
    proxy_disabled: bool = False
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    kubelet: Document = field(default_factory=dict)
    """The user's KubeletConfiguration as written (no defaults)."""
    kube_proxy: Document = field(default_factory=dict)
    """The user's KubeProxyConfiguration as written (no defaults)."""


@dataclass(frozen=True)
class RunOptions:
    """What holds for one run only."""

    tokens: tuple[BootstrapToken, ...] = (BootstrapToken(),)
    certificate_key: str = ""
    skip_phases: tuple[str, ...] = ()
    ignore_preflight_errors: tuple[str, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    dry_run: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "certificate_key", Secret(self.certificate_key))


@dataclass(frozen=True)
class ClusterConfig:
    """Everything about the cluster, this machine and this run."""

    node: NodeSpec
    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    own: BootstrapConfig = field(default_factory=BootstrapConfig)
    run: RunOptions = field(default_factory=RunOptions)

    @property
    def api(self) -> ApiEndpoint:
        """This machine's API server; only a control plane may be asked for it."""
        if self.node.api is None:
            raise ValueError("a worker has no API server")
        return self.node.api

    @property
    def local_etcd(self) -> LocalEtcd | None:
        """The etcd member of this machine, if it has one."""
        etcd = self.cluster.etcd
        return etcd if isinstance(etcd, LocalEtcd) and self.node.api else None

    @property
    def endpoint(self) -> str:
        """`host:port` that clients and joining nodes use: controlPlaneEndpoint, else this node's own address, or the
        one that it joined."""
        host = self.cluster.control_plane_endpoint
        if not host:
            return self.node.server or str(self.api)
        has_port = host.count(":") == 1 or "]:" in host
        return host if has_port else f"{host}:{self.node.api.bind_port if self.node.api else names.API_PORT}"
