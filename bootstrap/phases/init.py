"""The plan of `init`: one DAG; step ids are kubeadm's phase names where kubeadm has the phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.model import names
from bootstrap.model.addon import Addon
from bootstrap.model.cluster import BootstrapToken, ClusterConfig, Document, LocalEtcd
from bootstrap.model.conditions import HttpOk, NodeExists, NodeReady, WorkloadReady
from bootstrap.model.effects import (
    Apply,
    Create,
    Directory,
    Effect,
    EtcdPeerUrl,
    File,
    ImagePresent,
    ImagesImported,
    ImagesSeeded,
    NetworkNoted,
    Noted,
    RotatableKubeletCredential,
    Tree,
    UnitRunning,
)
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan, Step
from bootstrap.model.record import PATH, SYSCTL
from bootstrap.model.runtime import Runtime, runtime_at
from bootstrap.phases.addons import WORKLOAD_TIMEOUT, addon_steps, applied
from bootstrap.phases.images import Bundled, with_images
from bootstrap.phases.select import without
from bootstrap.render import addons, host, images, objects
from bootstrap.render.audit import audit_files
from bootstrap.render.containerd import containerd_file
from bootstrap.render.images import to_bring_in
from bootstrap.render.kubelet import kubelet_files
from bootstrap.render.mirrors import hosts_files
from bootstrap.render.net import loopback, url_host
from bootstrap.render.static_pods import manifest_path, static_pods

TOKEN_CREATED = f"{names.STATE_DIR}/token-created"
"""Exists once the first init has made its tokens: later runs make none."""
LAST = ("addon/flannel", "addon/kube-proxy", "addon/coredns")
"""Whose Pods somebody waits for: other objects keep a starting API server busy only after these."""
KUBELET_FILES = "kubelet-start/config"
"""A part of the phase `kubelet-start`, which in kubeadm writes these files too."""
NODE_NETWORK = "addon/flannel/node"
ANSWERS = "wait-control-plane/answers"
"""From here on the API server takes objects, though not every kind: it allocates no Service address yet."""
MAY_LEAD = "wait-control-plane/leases"
LEADERS = ("system:kube-controller-manager", "system:kube-scheduler")
"""Users, and the names of the bindings that give them their rights."""
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@dataclass(frozen=True)
class Inputs:
    """Everything the plan is made from; `pki` and `kubeconfigs` hold finished bytes, kept files included."""

    cfg: ClusterConfig
    facts: HostFacts
    stored: Document
    """The ClusterConfiguration document that goes into kubeadm-config."""
    state: bytes
    pki: tuple[File, ...]
    kubeconfigs: tuple[File, ...]
    manifests: Mapping[str, str]
    patches: Mapping[str, bytes]
    tokens: tuple[BootstrapToken, ...]
    """Tokens to make; empty when the first init has made them."""
    now: datetime
    wait: str = "dns"
    external_ca: bool = False
    bundled: Bundled | None = None
    extra: tuple[Addon, ...] = ()
    """Add-ons from manifests that others wrote, the Pod network first."""
    logins: tuple[File, ...] = ()
    """What the kubelet gets logins for registries from."""


def init_plan(inputs: Inputs) -> Plan:
    """Files first, then the kubelet and the control plane, then objects as soon as the API takes them."""
    steps = [
        *_files(inputs),
        *_services(inputs),
        *_control_plane(inputs),
        *_objects(inputs),
        *_addons(inputs),
        *addon_steps(inputs.cfg, inputs.facts, inputs.extra, inputs.wait, inputs.bundled is not None),
        *_node(inputs),
    ]
    steps = with_images(steps, inputs.bundled, _wanted(inputs.cfg))
    return Plan(without(tuple(steps), inputs.cfg.skip_phases))


def _wanted(cfg: ClusterConfig) -> tuple[ImagePresent, ...]:
    """Without mirrors the kubelet pulls by itself; not all that mirrors may say is known to the runtime."""
    return to_bring_in(cfg) if cfg.extension.mirrors.rules else ()


def _files(inputs: Inputs) -> list[Step]:
    cfg = inputs.cfg
    state = (Directory(names.STATE_DIR, 0o700), File(names.STATE_CONFIG, inputs.state, mode=0o600))
    steps = [Step("record", "Certificates", (*_trees(cfg), NetworkNoted(), *state))]
    phases: dict[str, list[Effect]] = {}
    for file in inputs.pki:
        name = file.path.removeprefix(f"{cfg.certificates_dir}/").rsplit(".", 1)[0].replace("/", "-")
        phases.setdefault(f"certs/{name}", []).append(file)
    for file in inputs.kubeconfigs:
        name = file.path.rsplit("/", 1)[1].removesuffix(".conf")
        phases.setdefault(f"kubeconfig/{name}", []).append(file)
    return steps + [Step(phase, "Certificates", tuple(effects), after=("record",)) for phase, effects in phases.items()]


def _trees(cfg: ClusterConfig) -> tuple[Tree, ...]:
    """What the kubelet, the runtime and the Pods will fill: what is in it before is not ours."""
    etcd = (cfg.etcd.data_dir,) if isinstance(cfg.etcd, LocalEtcd) else ()
    return tuple(Tree(path) for path in (*names.TREES, names.KUBELET_DIR, *etcd))


def _services(inputs: Inputs) -> list[Step]:
    cfg, facts = inputs.cfg, inputs.facts
    runtime = runtime_at(cfg.node.cri_socket, facts.mode)
    kubelet = (*kubelet_files(cfg, facts, inputs.patches), *inputs.logins)
    on_boot = facts.mode == "host"  # in node mode `init` runs at every boot, and starts it once its address is known
    before_runtime = ("record", "host/binaries", "host/kernel", "host/network") if on_boot else ("record",)
    ready_to_start = [f"kubeconfig/{name}" for name in ("kubelet", "admin", "super-admin")]
    return [
        *(_host(inputs, runtime) if on_boot else ()),
        Step("runtime", "Images", _runtime(inputs, runtime), after=before_runtime),
        Step(KUBELET_FILES, "Kubelet", (Directory(names.MANIFESTS_DIR, 0o700), *kubelet), after=("record",)),
        Step(
            "kubelet-start",
            "Kubelet",
            (UnitRunning(names.KUBELET_SERVICE, tuple(f.path for f in kubelet), enabled=on_boot),),
            (HttpOk("kubelet healthy", f"http://127.0.0.1:{names.KUBELET_HEALTHZ_PORT}/healthz"),),
            after=("runtime", KUBELET_FILES, "etcd/local", "control-plane/apiserver", *ready_to_start),
            timeout=cfg.timeouts.kubelet_health_check,
        ),
    ]


def _host(inputs: Inputs, runtime: Runtime) -> list[Step]:
    """What a node container has by itself, and a host does not."""
    cfg, facts = inputs.cfg, inputs.facts
    noted = [Noted(SYSCTL, key) for key in host.OTHERS_SYSCTLS]
    unit = host.network_unit(cfg, facts)
    network = (unit, UnitRunning(host.NETWORK_UNIT, (unit.path,))) if unit else ()
    steps = (
        Step("host/binaries", "Host", host.binaries(runtime, facts), after=("record",)),
        Step("host/kernel", "Host", (*noted, *host.kernel(cfg)), after=("record",)),
        Step("host/network", "Host", network, after=("record",)),
    )
    return [step for step in steps if step.effects]


def _runtime(inputs: Inputs, runtime: Runtime) -> tuple[Effect, ...]:
    """The runtime's configuration and, on a host, its unit and its images, which a node container has already.

    One of others is given images only.
    """
    if not runtime.ours:
        built = any(name.startswith(f"{names.BUILT_REPOSITORY}/") for name in images.needed(inputs.cfg))
        given = (ImagesImported(runtime.socket),) if built else ()
        return *given, Noted(PATH, f"{runtime.cni_conf}/{names.FLANNEL_CONFLIST}")
    config = containerd_file(inputs.cfg, inputs.facts, runtime)
    mirrors = hosts_files(inputs.cfg.extension.mirrors, runtime.registries)
    if inputs.facts.mode == "node":
        return config, *mirrors, UnitRunning(runtime.unit, (config.path,))
    unit = host.runtime_unit(runtime)
    installed = tuple(f"{runtime.binaries}/{name}" for name in host.RUNTIME_BINARIES)
    running = UnitRunning(runtime.unit, (config.path, unit.path, *installed))
    return config, *mirrors, unit, Directory(runtime.cni_conf), ImagesSeeded(runtime.root), running


def _control_plane(inputs: Inputs) -> list[Step]:
    """etcd and the API server start with the kubelet; the other two once they may take their lease.

    Earlier, they fail to take it and lose a retry period of 2 s (leaderelection's default). The API server makes the
    rest of its RBAC while they start.
    """
    cfg = inputs.cfg
    pods = {f.path: f for f in static_pods(cfg, inputs.facts, inputs.patches, external_ca=inputs.external_ca)}
    certs = tuple(dict.fromkeys(s.id for s in _files(inputs)))
    timeout = cfg.timeouts.control_plane_component_health_check
    apiserver, manager, scheduler = (pods[manifest_path(name)] for name in names.CONTROL_PLANE)
    steps = [
        Step(
            "control-plane/apiserver",
            "Control plane",
            (*(audit_files(cfg) if cfg.extension.hardening else ()), apiserver),
            after=(*certs, KUBELET_FILES),
        ),
        Step(
            ANSWERS,
            "Control plane",
            waits=(HttpOk("kube-apiserver answers", "/livez/ping", "admin"),),
            after=("kubelet-start",),
            timeout=timeout,
        ),
        Step(
            MAY_LEAD,
            "Control plane",
            waits=tuple(HttpOk(f"RBAC of {user} in place", f"{BINDINGS}/{user}", "admin") for user in LEADERS),
            after=(ANSWERS,),
            timeout=timeout,
        ),
        Step(
            "wait-control-plane/apiserver",
            "Control plane",
            waits=(
                HttpOk("kube-apiserver live", "/livez", "admin"),
                HttpOk("RBAC in place", "/readyz/poststarthook/rbac/bootstrap-roles", "admin"),
            ),
            after=(ANSWERS,),
            timeout=timeout,
        ),
    ]
    if isinstance(cfg.etcd, LocalEtcd):
        etcd = (Directory(cfg.etcd.data_dir, 0o700), pods[manifest_path("etcd")])
        steps += [
            Step("etcd/local", "Control plane", etcd, after=(*certs, KUBELET_FILES)),
            Step(
                "etcd/peer-url",
                "Control plane",
                (_peer_url(cfg, inputs.facts),),
                after=("wait-control-plane/apiserver",),
                timeout=cfg.timeouts.etcd_api_call,
            ),
        ]
    for name, pod, url in (
        ("controller-manager", manager, f"https://127.0.0.1:{names.CONTROLLER_MANAGER_PORT}/healthz"),
        ("scheduler", scheduler, f"https://127.0.0.1:{names.SCHEDULER_PORT}/livez"),
    ):
        after = (MAY_LEAD, f"kubeconfig/{name}")
        steps += [
            Step(f"control-plane/{name}", "Control plane", (pod,), after=after),
            Step(
                f"wait-control-plane/{name}",
                "Control plane",
                waits=(HttpOk(f"kube-{name} healthy", url),),
                after=(f"control-plane/{name}",),
                timeout=timeout,
            ),
        ]
    return steps


def _peer_url(cfg: ClusterConfig, facts: HostFacts) -> EtcdPeerUrl:
    pki = f"{cfg.certificates_dir}/etcd"
    command = (
        f"{names.HOST_BIN_DIR}/etcdctl" if facts.mode == "host" else "etcdctl",
        f"--endpoints=https://{url_host(loopback(cfg))}:{names.ETCD_CLIENT_PORT}",
        f"--cacert={pki}/ca.crt",
        f"--cert={pki}/healthcheck-client.crt",
        f"--key={pki}/healthcheck-client.key",
    )
    return EtcdPeerUrl(f"https://{url_host(cfg.advertise_address)}:{names.ETCD_PEER_PORT}", command)


def _objects(inputs: Inputs) -> list[Step]:
    cfg = inputs.cfg
    ca = next(f.content for f in inputs.pki if f.path == f"{cfg.certificates_dir}/ca.crt")
    token_effects: tuple[Effect, ...] = (
        *(Create(objects.token_secret(token, inputs.now)) for token in inputs.tokens),
        *((File(TOKEN_CREATED, b"", mode=0o600),) if inputs.tokens else ()),
    )
    return [
        _apply(cfg, "cluster-admins", (objects.cluster_admins(),)),
        _apply(cfg, "upload-config/kubeadm", objects.kubeadm_config(inputs.stored), after=LAST),
        _apply(cfg, "upload-config/kubelet", objects.kubelet_config(cfg), after=LAST),
        Step(
            "bootstrap-token",
            "Control plane",
            (*token_effects, *(Apply(o) for o in (*objects.bootstrap_rbac(), *objects.cluster_info(cfg, ca)))),
            after=("wait-control-plane/apiserver", *LAST),
            timeout=cfg.timeouts.kubernetes_api_call,
        ),
    ]


def _apply(
    cfg: ClusterConfig,
    step: str,
    bodies: tuple[Document, ...],
    group: str = "Control plane",
    after: tuple[str, ...] = (),
    api: str = "wait-control-plane/apiserver",
) -> Step:
    return Step(
        step,
        group,
        tuple(Apply(body) for body in bodies),
        after=(api, *after),
        timeout=cfg.timeouts.kubernetes_api_call,
    )


def _addons(inputs: Inputs) -> list[Step]:
    """kube-proxy runs before anything that uses a Service address; flannel is given the API's own address."""
    cfg, facts = inputs.cfg, inputs.facts
    proxy = addons.kube_proxy(cfg, facts, inputs.manifests, inputs.patches)
    network = addons.flannel(cfg, facts, inputs.manifests)
    dns = addons.coredns(cfg, inputs.facts, inputs.manifests, inputs.patches)
    steps = []
    if network:
        steps.append(_apply(cfg, "addon/flannel", network, "Add-ons", api=ANSWERS))
    if proxy:
        steps.append(_apply(cfg, "addon/kube-proxy", proxy, "Add-ons", api=ANSWERS))
        if inputs.wait != "api":
            wait = (WorkloadReady("DaemonSet", "kube-system", "kube-proxy", facts.booted),)
            steps.append(
                Step(
                    "addon/kube-proxy/wait",
                    "Add-ons",
                    waits=wait,
                    after=("addon/kube-proxy",),
                    timeout=WORKLOAD_TIMEOUT,
                )
            )
    if dns:
        steps.append(_apply(cfg, "addon/coredns", dns, "Add-ons", after=("addon/kube-proxy",)))
    return steps


def _node(inputs: Inputs) -> list[Step]:
    cfg, node = inputs.cfg, inputs.cfg.node.name
    steps = [
        Step("node-registered", "Node", waits=(NodeExists(node),), after=("wait-control-plane/apiserver",)),
        _apply(cfg, "mark-control-plane", (objects.node_marks(cfg),), "Node", after=("node-registered",)),
        Step(
            "kubelet-finalize/enable-client-cert-rotation",
            "Node",
            (RotatableKubeletCredential(names.KUBELET_CONF, names.KUBELET_CLIENT_CURRENT),),
            after=("node-registered",),
        ),
    ]
    own_network = addons.flannel_files(cfg, inputs.facts, inputs.manifests)
    if own_network:
        ready_to_ask = ("node-registered", "control-plane/controller-manager")
        steps.append(Step(NODE_NETWORK, "Node", own_network, after=ready_to_ask))
    if inputs.wait == "api":
        return steps
    if cfg.extension.cni != "none":
        network = tuple(applied(addon) for addon in inputs.extra if addon.cni)
        after = ("node-registered", "addon/flannel", NODE_NETWORK, "wait-control-plane/controller-manager", *network)
        ready = (NodeReady(node, inputs.facts.booted),)
        steps.append(Step("node-ready", "Node", waits=ready, after=after, timeout=WORKLOAD_TIMEOUT))
        if inputs.wait == "dns" and not cfg.dns_disabled:
            wait = (WorkloadReady("Deployment", "kube-system", "coredns", inputs.facts.booted),)
            before = ("addon/coredns", "addon/kube-proxy/wait", "node-ready", "wait-control-plane/scheduler")
            steps.append(Step("addon/coredns/wait", "Add-ons", waits=wait, after=before, timeout=WORKLOAD_TIMEOUT))
    return steps
