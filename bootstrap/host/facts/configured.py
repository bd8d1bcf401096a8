"""What is looked up once the configuration is known; slow answers are waited for side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cryptography import x509

from bootstrap.host.facts import virtual_address, vrrp
from bootstrap.host.facts.disk import filesystems, fsync_seconds
from bootstrap.host.facts.procfs import attempt
from bootstrap.host.facts.resolv_conf import resolver
from bootstrap.host.live import LiveHost
from bootstrap.host.port import Host, HostReader
from bootstrap.host.runtime.cri import PID1_ROOT, crictl
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Configured, Filesystem, RuntimeFacts
from bootstrap.model.runtime import runtime_at
from bootstrap.preflight.checks import lookups
from bootstrap.preflight.kubelet import setting
from bootstrap.preflight.mounts import looked_at
from bootstrap.preflight.storage import manifest_paths
from bootstrap.render.controlplane.static_pods import manifests_dir

RESOLVE_TIME = 2.0
CRI_TIME = "2s"
"""kubeadm's limit for a CRI call."""


def look_up(host: Host, mode: str, cfg: ClusterConfig, *, address_given: bool, fresh: bool) -> Configured:
    """`fresh`: no cluster of ours is here. Only then the disk is measured, since etcd does not use it yet."""
    with ThreadPoolExecutor(5) as pool:
        resolves = pool.submit(_resolves, host, mode, cfg.node.name)
        runtime = pool.submit(_runtime, host, cfg.node.cri_socket, mode)
        versions = pool.submit(_etcd_versions, host, cfg)
        holder = pool.submit(virtual_address.holder, host, cfg) if fresh else None
        routers = pool.submit(vrrp.heard, cfg) if fresh else None
        found, resolv_conf = filesystems(host, looked_at(cfg, mode)), setting(cfg, "resolvConf", "resolv-conf")
        return Configured(
            address_given=address_given,
            present=tuple(path for path in lookups(cfg, mode) if _is_there(host, path)),
            strangers=_strangers(host, cfg),
            filesystems=found,
            fsync_seconds=_measured(cfg, found) if fresh else None,
            ca_not_before=not_before(host.read(f"{cfg.cluster.certificates_dir}/ca.crt")),
            name_resolves=resolves.result(),
            runtime=runtime.result(),
            resolver=resolver(host, resolv_conf) if resolv_conf else None,
            etcd_versions=versions.result(),
            virtual_address_holder=holder.result() if holder else "",
            virtual_routers=routers.result() if routers else {},
            virtual_router_ids=virtual_address.router_ids(host),
        )


def _is_there(host: HostReader, path: str) -> bool:
    status = host.stat(path)
    return status is not None and (not status.is_dir or bool(host.listdir(path)))


def _strangers(host: HostReader, cfg: ClusterConfig) -> tuple[str, ...]:
    """The kubelet leaves out what begins with a dot; keepalived's is ours if it has our mark."""
    directory, ours, mark = manifests_dir(cfg), manifest_paths(cfg), names.KEEPALIVED_CONFIG.encode()
    found = [name for name in host.listdir(directory) if name[0] != "." and f"{directory}/{name}" not in ours]
    return tuple(name for name in found if mark not in (host.read(f"{directory}/{name}") or b""))


def _measured(cfg: ClusterConfig, found: dict[str, Filesystem]) -> float | None:
    etcd = cfg.local_etcd
    return fsync_seconds(found[etcd.data_dir].mount) if etcd and etcd.data_dir in found else None


def not_before(ca: bytes | None) -> float:
    """Seconds since the epoch; 0 without a certificate that can be read."""
    try:
        return x509.load_pem_x509_certificate(ca).not_valid_before_utc.timestamp() if ca else 0
    except ValueError:
        return 0


def _resolves(host: Host, mode: str, name: str) -> bool:
    """On a host only: nobody looks up the name of a node container."""
    return mode != "host" or attempt(host, ["getent", "ahosts", name], RESOLVE_TIME) is not None


def _runtime(host: Host, socket: str, mode: str) -> RuntimeFacts | None:
    """A runtime that is not ours is asked with our own crictl."""
    if runtime_at(socket, mode).ours:
        return None
    ask = [*crictl(host, socket), f"--timeout={CRI_TIME}"]
    try:
        status = json.loads(LiveHost().run([*ask, "info"], timeout=10))
    except BootstrapError as e:
        return RuntimeFacts(error=grpc_reason(e.details[-1] if e.details else e.what))
    conditions = {c["type"]: c["status"] for c in status.get("status", {}).get("conditions", [])}
    knows = attempt(LiveHost(), [*ask, "runtime-config"]) is not None
    told = runtime_facts(status, host.images(socket) or {})
    return dataclasses.replace(told, ready=conditions.get("RuntimeReady", False), runtime_config=knows)


def runtime_facts(info: Mapping[str, Any], images: Collection[str]) -> RuntimeFacts:
    """What `crictl info` says of a containerd's configuration; `images` are the names of those in it."""
    config, network = info.get("config") or {}, info.get("cniconfig") or {}
    containerd = config.get("containerd") or {}
    runtime = (containerd.get("runtimes") or {}).get(containerd.get("defaultRuntimeName", "runc")) or {}
    sandbox = config.get("sandboxImage", "")
    return RuntimeFacts(
        systemd_cgroup=(runtime.get("options") or {}).get("SystemdCgroup"),
        absent_sandbox_image="" if sandbox in images else sandbox,
        cni_bin=tuple(network.get("PluginDirs") or ()),
        cni_conf=network.get("PluginConfDir", ""),
    )


def grpc_reason(message: str) -> str:
    """The innermost description in a gRPC error, without the way that we took to the socket."""
    return message.replace("\\", "").rpartition('desc = "')[2].rstrip('"').replace(PID1_ROOT, "")


def _etcd_versions(host: HostReader, cfg: ClusterConfig) -> dict[str, str]:
    if not isinstance(cfg.cluster.etcd, ExternalEtcd) or not cfg.node.api:
        return {}
    # Here, since few clusters have one: the HTTP client costs a start 0.1 s.
    from bootstrap.host.facts.etcd import etcd_versions

    return etcd_versions(host, cfg.cluster.etcd)
