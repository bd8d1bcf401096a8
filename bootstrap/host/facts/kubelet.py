"""What the kubelet of this machine is told, whoever wrote its configuration."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from bootstrap.formats.kubeconfig import inlined, read_kubeconfig
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.runtime import NODE_RUNTIME


def kubelet_configuration(host: HostReader) -> Mapping[str, Any]:
    """config.yaml; empty where it is not there or cannot be read."""
    try:
        document = parse_one(host.read(names.KUBELET_CONFIG) or b"")
    except UnreadableError:
        return {}
    return document if isinstance(document, dict) else {}


def cri_socket(host: HostReader) -> str:
    """kubeadm's default where the configuration does not say."""
    return str(kubelet_configuration(host).get("containerRuntimeEndpoint") or NODE_RUNTIME.socket)


def static_pod_path(host: HostReader) -> str:
    """The directory of static Pods."""
    return str(kubelet_configuration(host).get("staticPodPath") or names.MANIFESTS_DIR).rstrip("/")


def node_name(host: HostReader) -> str:
    """By which name its cluster knows this machine: its certificate says it, whoever made that; empty without one."""
    try:
        user = read_kubeconfig(inlined(host.read(names.KUBELET_CONF) or b"", host.read)).user
        subject = x509.load_pem_x509_certificate(b64decode(user["client-certificate-data"])).subject
        return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).removeprefix(names.NODE_USER)
    except (ValueError, KeyError, IndexError):
        return ""
