"""The four static Pods, in kubeadm's shape, with our hardening flags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import Arg, ClusterConfig, Component, Document, LocalEtcd, Volume
from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.render.addresses import loopback, split_url, url_host
from bootstrap.render.controlplane import args, flags, own
from bootstrap.render.controlplane.args import command_line, last_value
from bootstrap.render.controlplane.volumes import component_volumes, directory, mounts, sources
from bootstrap.render.images import required
from bootstrap.render.patch.directory import patched
from bootstrap.render.pki.issue import CLUSTER
from bootstrap.render.proxies import completed


def static_pods(
    cfg: ClusterConfig, facts: HostFacts, patches: Mapping[str, bytes], *, signing: str = CLUSTER
) -> tuple[File, ...]:
    """The manifests of this control-plane node."""
    return tuple(manifest(cfg, pod) for pod in pods(cfg, facts, patches, signing=signing).values())


def pods(
    cfg: ClusterConfig,
    facts: HostFacts,
    patches: Mapping[str, bytes],
    *,
    signing: str = CLUSTER,
    members: Mapping[str, str] = flags.NOBODY,
) -> dict[str, Document]:
    """Component → its Pod, patched; etcd's first, and only if it is local, with the other `members` that it joins.

    From what kubeadm-config has: kubeadm, when it upgrades, finds that it would write the same and leaves them alone.
    """
    cfg = own.stored(cfg, facts, joins=bool(members))
    found = [apiserver_pod(cfg, facts), controller_manager_pod(cfg, facts, signing), scheduler_pod(cfg, facts)]
    if isinstance(cfg.cluster.etcd, LocalEtcd):
        found.insert(0, etcd_pod(cfg, cfg.cluster.etcd, members))
    by_name = {pod["metadata"]["name"]: pod for pod in found}
    return {name: patched(name, pod, patches) for name, pod in by_name.items()}


def manifest(cfg: ClusterConfig, pod: Document) -> File:
    """The file of a static Pod."""
    return File(manifest_path(pod["metadata"]["name"], manifests_dir(cfg)), to_yaml(pod).encode(), mode=0o600)


def manifests_dir(cfg: ClusterConfig) -> str:
    """Where the kubelet looks for static Pods."""
    written = str(cfg.cluster.kubelet.get("staticPodPath") or names.MANIFESTS_DIR)
    return last_value(cfg.node.kubelet_extra_args, "pod-manifest-path", written).rstrip("/")


def manifest_path(component: str, directory: str = names.MANIFESTS_DIR) -> str:
    """Where the kubelet finds the static Pod of `component`."""
    return f"{directory}/{component}.yaml"


def apiserver_pod(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    """kube-apiserver."""
    command = ["kube-apiserver", *command_line(flags.apiserver_flags(cfg), cfg.cluster.api_server.extra_args)]
    host = _probe_host(cfg.api.advertise_address)
    pod = _component_pod(cfg, facts, cfg.cluster.api_server, command, cpu="250m", port=cfg.api.bind_port)
    _probes(cfg, pod, host, "HTTPS", live="/livez", ready="/readyz", start="/livez")
    pod["metadata"]["annotations"] = {names.APISERVER_ENDPOINT: str(cfg.api)}
    return pod


def controller_manager_pod(cfg: ClusterConfig, facts: HostFacts, signing: str) -> dict[str, Any]:
    """kube-controller-manager."""
    extra = cfg.cluster.controller_manager.extra_args
    command = ["kube-controller-manager", *command_line(flags.controller_manager_flags(cfg, signing), extra)]
    port = _secure_port(extra, names.CONTROLLER_MANAGER_PORT)
    pod = _component_pod(cfg, facts, cfg.cluster.controller_manager, command, cpu="200m", port=port)
    _probes(cfg, pod, _bind_host(extra), "HTTPS", live="/healthz", ready="", start="/healthz")
    return pod


def scheduler_pod(cfg: ClusterConfig, facts: HostFacts) -> dict[str, Any]:
    """kube-scheduler."""
    extra = cfg.cluster.scheduler.extra_args
    command = ["kube-scheduler", *command_line(flags.scheduler_flags(), extra)]
    port = _secure_port(extra, names.SCHEDULER_PORT)
    pod = _component_pod(cfg, facts, cfg.cluster.scheduler, command, cpu="100m", port=port)
    _probes(cfg, pod, _bind_host(extra), "HTTPS", live="/livez", ready="/readyz", start="/livez")
    return pod


def etcd_pod(cfg: ClusterConfig, etcd: LocalEtcd, members: Mapping[str, str]) -> dict[str, Any]:
    """The local etcd member."""
    scheme, host, port = _etcd_probe(cfg, etcd)
    volumes = [
        directory("etcd-data", etcd.data_dir, read_only=False),
        directory("etcd-certs", f"{cfg.cluster.certificates_dir}/etcd", read_only=False),
    ]
    command = ["etcd", *command_line(flags.etcd_flags(cfg, etcd, members), etcd.extra_args)]
    container = static_container(required.etcd(cfg, etcd), command, volumes, _env({}, etcd.extra_envs))
    pod = static_pod(container, volumes, requests={"cpu": "100m", "memory": "100Mi"}, port=port)
    _probes(cfg, pod, host, scheme, live="/livez", ready="/readyz", start="/readyz")
    key = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
    pod["metadata"]["annotations"] = {key: flags.etcd_url(cfg, names.ETCD_CLIENT_PORT)}
    return pod


def _etcd_probe(cfg: ClusterConfig, etcd: LocalEtcd) -> tuple[str, str, int]:
    """Scheme, host and port of the first metrics URL."""
    default = f"http://{url_host(loopback(cfg))}:{names.ETCD_METRICS_PORT}"
    scheme, host, port = split_url(last_value(etcd.extra_args, "listen-metrics-urls", default).split(",")[0])
    return "HTTPS" if scheme == "https" else "HTTP", host or loopback(cfg), port or names.ETCD_METRICS_PORT


def _component_pod(
    cfg: ClusterConfig, facts: HostFacts, settings: Component, command: list[str], *, cpu: str, port: int
) -> dict[str, Any]:
    """A Pod of Kubernetes itself, named like its binary."""
    volumes = component_volumes(cfg, facts, command[0], settings)
    env = _env(completed(cfg, facts.proxies), settings.extra_envs)
    container = static_container(required.kubernetes(cfg, command[0]), command, volumes, env)
    return static_pod(container, volumes, requests={"cpu": cpu}, port=port)


def static_container(
    image: str, command: list[str], volumes: list[Volume], env: list[dict[str, Any]]
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": command[0],
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "volumeMounts": mounts(volumes),
    }
    return container | ({"env": env} if env else {})


def static_pod(
    container: dict[str, Any], volumes: list[Volume], *, requests: Mapping[str, str], port: int
) -> dict[str, Any]:
    name = container["name"]
    if port:
        container["ports"] = [{"name": "probe-port", "containerPort": port, "protocol": "TCP"}]
    container["resources"] = {"requests": dict(requests)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": sources(volumes),
        },
    }


def _probes(
    cfg: ClusterConfig, pod: dict[str, Any], host: str, scheme: str, *, live: str, ready: str, start: str
) -> None:
    """Add the probes to the only container; an empty path means no such probe, and no port none at all."""
    container = pod["spec"]["containers"][0]
    if "ports" not in container:
        return
    tries = ceil(cfg.run.timeouts.control_plane_component_health_check / 10)
    wanted = {
        "livenessProbe": (live, 10, 10, 8),
        "readinessProbe": (ready, 0, 1, 3),
        "startupProbe": (start, 10, 10, tries),
    }
    for kind, (path, delay, period, failures) in wanted.items():
        if not path:
            continue
        get = {"path": path, "port": "probe-port", "scheme": scheme} | ({"host": host} if host else {})
        probe = {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 15, "failureThreshold": failures}
        container[kind] = probe | ({"initialDelaySeconds": delay} if delay else {})


def _probe_host(address: str) -> str:
    """Nothing answers at an unspecified address; without a host the kubelet asks the Pod's own."""
    return "" if address in names.ANY_ADDRESS else address


def _bind_host(extra: tuple[Arg, ...]) -> str:
    return _probe_host(last_value(extra, "bind-address", "127.0.0.1"))


def _secure_port(extra: tuple[Arg, ...], default: int) -> int:
    return args.port(last_value(extra, "secure-port", ""), default)


def _env(ours: Mapping[str, str], extra: Iterable[Document]) -> list[dict[str, Any]]:
    """Our variables, then the user's, which win by name; sorted by name."""
    merged: dict[str, dict[str, Any]] = {n: {"name": n, "value": v} for n, v in ours.items()}
    merged |= {entry["name"]: dict(entry) for entry in extra}
    return [merged[n] for n in sorted(merged)]
