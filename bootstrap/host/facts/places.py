"""Where the configuration of this machine puts what is looked at when it is broken."""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import dirname
from typing import Any
from urllib.parse import urlsplit

from bootstrap.diagnosis.evidence import Places
from bootstrap.formats.yaml_reader import WRITTEN, UnreadableError, parse
from bootstrap.host.facts.kubelet import kubelet_configuration, static_pod_path
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.render.controlplane.etcd_member import member


def places(host: HostReader) -> Places:
    """What runs here says it first: the kubelet's configuration and etcd's manifest; then our stored configuration."""
    stored = _stored(host)
    etcd = member(host.read(f"{static_pod_path(host)}/etcd.yaml") or b"")
    local = _mapping(_mapping(stored.get("etcd")).get("local"))
    return Places(
        certificates=_client_ca(host) or str(stored.get("certificatesDir") or names.PKI_DIR).rstrip("/"),
        etcd_data=etcd.data_dir if etcd else str(local.get("dataDir") or names.ETCD_DATA_DIR).rstrip("/"),
        etcd_port=(urlsplit(etcd.url).port if etcd else 0) or names.ETCD_CLIENT_PORT,
    )


def _client_ca(host: HostReader) -> str:
    """The directory of the CA that the kubelet trusts; empty where it says none."""
    x509 = _mapping(_mapping(kubelet_configuration(host).get("authentication")).get("x509"))
    return dirname(str(x509.get("clientCAFile") or ""))


def _stored(host: HostReader) -> Mapping[str, Any]:
    """The ClusterConfiguration that `init` stored; empty where there is none."""
    try:
        documents = parse(host.read(names.STATE_CONFIG) or b"", WRITTEN)
    except UnreadableError:
        return {}
    return next((d for d in map(_mapping, documents) if d.get("kind") == "ClusterConfiguration"), {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
