"""The flags of the command line, as one table: their words, and which field of the configuration each writes.

A flag that writes a field may be given to every verb that has the field: `writes` says where it goes, by verb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bootstrap.model.addon import STORAGES

INIT = "init"
JOIN = "join"

Form = Literal["text", "number", "switch", "commas", "many", "gates", "duration", "file", "vip", "encryption"]
"""How a value is written: words separated by commas, one flag for each value, `A=true,B=false`, `24h`, a path,
`ADDRESS/INTERFACE`, `PROVIDER=SOCKET`."""


@dataclass(frozen=True)
class Flag:
    """`adds`: to what the file says rather than in place of it. `instead_of`: another field that it replaces too."""

    name: str
    help: str
    group: str
    metavar: str = ""
    form: Form = "text"
    default: Any = None
    short: str = ""
    hidden: bool = False
    words: tuple[str, ...] = ()
    """The only values that there are; any where it is empty."""
    writes: Mapping[str, str] = field(default_factory=dict)
    """Verb → path of the field, its document first."""
    instead_of: str = ""
    adds: bool = False

    @property
    def key(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    @property
    def shown(self) -> str:
        return f"--{self.name}"


CLUSTER = "Cluster"
MACHINE = "This machine"
IMAGES = "Images and add-ons"
JOINING = "Machines that join"
DISCOVERY = "The cluster to join"
RUN = "This run"
_CLUSTER = "ClusterConfiguration"
_INIT = "InitConfiguration"
_JOIN = "JoinConfiguration"
_OWN = "BootstrapConfiguration"
_TOKEN = f"{_INIT}.bootstrapTokens[0]"
_DISCOVERY = f"{_JOIN}.discovery"

CONFIGURATION: tuple[Flag, ...] = (
    Flag(
        "control-plane-endpoint",
        "Stable name or address of the whole control plane, which other control planes can join then.",
        CLUSTER,
        "HOST[:PORT]",
        writes={INIT: f"{_CLUSTER}.controlPlaneEndpoint"},
    ),
    Flag(
        "control-plane-vip",
        "Address of the whole control plane that its machines hold in turn (VRRP, by keepalived), one that is free.",
        CLUSTER,
        "ADDRESS[/INTERFACE]",
        "vip",
        writes={INIT: f"{_OWN}.controlPlaneVIP"},
    ),
    Flag(
        "encryption-provider",
        "Encrypt Secrets before etcd has them: secretbox, aescbc, aesgcm, or kms-v2=SOCKET of a plugin.",
        CLUSTER,
        "PROVIDER[=SOCKET]",
        "encryption",
        writes={INIT: f"{_OWN}.encryption"},
    ),
    Flag(
        "pod-network-cidr",
        "Range for Pods; two, separated by a comma, for dual-stack.",
        CLUSTER,
        "CIDR[,CIDR]",
        writes={INIT: f"{_CLUSTER}.networking.podSubnet"},
    ),
    Flag(
        "service-cidr",
        "Range for Services; two for dual-stack.",
        CLUSTER,
        "CIDR[,CIDR]",
        writes={INIT: f"{_CLUSTER}.networking.serviceSubnet"},
    ),
    Flag(
        "service-dns-domain",
        "Domain of Services: cluster.local.",
        CLUSTER,
        "DOMAIN",
        writes={INIT: f"{_CLUSTER}.networking.dnsDomain"},
    ),
    Flag(
        "apiserver-cert-extra-sans",
        "Further names and addresses in the API server's certificate, with commas.",
        CLUSTER,
        "NAME,…",
        "commas",
        writes={INIT: f"{_CLUSTER}.apiServer.certSANs"},
    ),
    Flag(
        "cert-dir",
        "Where certificates and keys lie: /etc/kubernetes/pki.",
        CLUSTER,
        "DIRECTORY",
        writes={INIT: f"{_CLUSTER}.certificatesDir"},
    ),
    Flag(
        "feature-gates",
        "kubeadm's feature gates: A=true,B=false.",
        CLUSTER,
        "GATE=BOOL,…",
        "gates",
        writes={INIT: f"{_CLUSTER}.featureGates"},
    ),
    Flag(
        "kubernetes-version",
        "Must be the version that this image carries.",
        CLUSTER,
        "VERSION",
        writes={INIT: f"{_CLUSTER}.kubernetesVersion"},
    ),
    Flag(
        "apiserver-advertise-address",
        "Address that this node's API server is announced with; the default route's by default.",
        MACHINE,
        "ADDRESS",
        writes={
            INIT: f"{_INIT}.localAPIEndpoint.advertiseAddress",
            JOIN: f"{_JOIN}.controlPlane.localAPIEndpoint.advertiseAddress",
        },
    ),
    Flag(
        "apiserver-bind-port",
        "Port of the API server: 6443.",
        MACHINE,
        "PORT",
        "number",
        writes={INIT: f"{_INIT}.localAPIEndpoint.bindPort", JOIN: f"{_JOIN}.controlPlane.localAPIEndpoint.bindPort"},
    ),
    Flag(
        "node-name",
        "Name of this node; its hostname by default.",
        MACHINE,
        "NAME",
        writes={INIT: f"{_INIT}.nodeRegistration.name", JOIN: f"{_JOIN}.nodeRegistration.name"},
    ),
    Flag(
        "cri-socket",
        "CRI socket of a runtime to use instead of ours.",
        MACHINE,
        "SOCKET",
        writes={INIT: f"{_INIT}.nodeRegistration.criSocket", JOIN: f"{_JOIN}.nodeRegistration.criSocket"},
    ),
    Flag(
        "patches",
        "Directory of patches, named as kubeadm has it.",
        MACHINE,
        "DIRECTORY",
        writes={INIT: f"{_INIT}.patches.directory", JOIN: f"{_JOIN}.patches.directory"},
    ),
    Flag(
        "image-repository",
        "Where the control plane's images come from; ours are localhost/bootstrap.",
        IMAGES,
        "REPOSITORY",
        writes={INIT: f"{_CLUSTER}.imageRepository"},
    ),
    Flag(
        "mirrors",
        "A file with the fields of `mirrors`.",
        IMAGES,
        "FILE",
        "file",
        writes={INIT: f"{_OWN}.mirrors", JOIN: f"{_OWN}.mirrors"},
    ),
    Flag(
        "cni",
        "Pod network: flannel, none, or a manifest as in --addon (calico=/FILE, …).",
        IMAGES,
        "MANIFEST",
        writes={INIT: f"{_OWN}.cni"},
    ),
    Flag(
        "storage",
        "Default StorageClass: local-path, whose volumes are folders of the nodes, or none.",
        IMAGES,
        "local-path|none",
        words=STORAGES,
        writes={INIT: f"{_OWN}.storage"},
    ),
    Flag(
        "addon",
        "Manifest to install: NAME, [NAME[@NAMESPACE]=]/FILE or https://…#sha256=…; repeatable.",
        IMAGES,
        "MANIFEST",
        "many",
        writes={INIT: f"{_OWN}.addons"},
        adds=True,
    ),
    Flag(
        "token",
        "Bootstrap token (abcdef.0123456789abcdef); one is made by default.",
        JOINING,
        "TOKEN",
        writes={INIT: f"{_TOKEN}.token", JOIN: f"{_DISCOVERY}.bootstrapToken.token"},
    ),
    Flag(
        "token-ttl",
        "How long the token is good for (24h); 0: for ever.",
        JOINING,
        "DURATION",
        "duration",
        writes={INIT: f"{_TOKEN}.ttl"},
        instead_of="expires",
    ),
    Flag(
        "certificate-key",
        "Key that uploaded certificates are encrypted with (32 bytes in hex); one is made.",
        JOINING,
        "KEY",
        writes={INIT: f"{_INIT}.certificateKey", JOIN: f"{_JOIN}.controlPlane.certificateKey"},
    ),
    Flag(
        "discovery-token",
        "The token that cluster-info is signed with, where it is not --token.",
        DISCOVERY,
        "TOKEN",
        writes={JOIN: f"{_DISCOVERY}.bootstrapToken.token"},
    ),
    Flag(
        "discovery-token-ca-cert-hash",
        "The CA that is believed: sha256:HEX of its public key; repeatable.",
        DISCOVERY,
        "HASH",
        "many",
        writes={JOIN: f"{_DISCOVERY}.bootstrapToken.caCertHashes"},
        adds=True,
    ),
    Flag(
        "discovery-token-unsafe-skip-ca-verification",
        "Believe any CA that the token's signature covers.",
        DISCOVERY,
        form="switch",
        writes={JOIN: f"{_DISCOVERY}.bootstrapToken.unsafeSkipCAVerification"},
    ),
    Flag(
        "discovery-file",
        "A kubeconfig to join by in place of a token: a path, or an https URL.",
        DISCOVERY,
        "FILE|URL",
        writes={JOIN: f"{_DISCOVERY}.file.kubeConfigPath"},
    ),
    Flag(
        "tls-bootstrap-token",
        "The token that the kubelet asks for its certificate with, where it is not --token.",
        DISCOVERY,
        "TOKEN",
        writes={JOIN: f"{_DISCOVERY}.tlsBootstrapToken"},
    ),
    Flag(
        "ignore-preflight-errors",
        "Checks whose errors are warnings: kubeadm's names, separated by commas, or all.",
        RUN,
        "CHECK,…",
        "commas",
        writes={
            INIT: f"{_INIT}.nodeRegistration.ignorePreflightErrors",
            JOIN: f"{_JOIN}.nodeRegistration.ignorePreflightErrors",
        },
        adds=True,
    ),
    Flag(
        "skip-phases",
        "Phases to leave out, separated by commas.",
        RUN,
        "PHASE,…",
        "commas",
        writes={INIT: f"{_INIT}.skipPhases", JOIN: f"{_JOIN}.skipPhases"},
    ),
    Flag(
        "dry-run",
        "Show every change as a diff, and make none.",
        RUN,
        form="switch",
        writes={INIT: f"{_INIT}.dryRun", JOIN: f"{_JOIN}.dryRun"},
    ),
)
"""Every flag that writes a field, in the order of `--help`."""


def writing(verb: str, table: Sequence[Flag] = CONFIGURATION) -> tuple[Flag, ...]:
    """The flags that a verb takes into its configuration."""
    return tuple(flag for flag in table if verb in flag.writes)
