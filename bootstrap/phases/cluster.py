"""Steps that change the cluster through its API: configuration, token, add-ons, the node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bootstrap.model import names
from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig, Document
from bootstrap.model.conditions import ControlPlaneSteady, NodeExists, NodeReady, Served, WorkloadReady
from bootstrap.model.effects import Apply, Create, Effect, File, NodeTaints, ObjectGone, RotatableKubeletCredential
from bootstrap.model.plan import Step
from bootstrap.phases.addons import applied, workload_timeout
from bootstrap.phases.control_plane import ANSWERS
from bootstrap.phases.inputs import ClusterInputs, NodeInputs
from bootstrap.phases.parts import Part
from bootstrap.preflight.name_servers import asks_itself
from bootstrap.render.addons import builtin
from bootstrap.render.addons.manifest import waves
from bootstrap.render.cluster import objects
from bootstrap.render.node.kubelet import node_taints

ADMINS_BOUND = f"{names.STATE_DIR}/admins-bound"
"""Exists once admin.conf has its rights: from then on super-admin.conf is the user's to keep, or to take away."""
TAINTS_GIVEN = f"{names.STATE_DIR}/node-taints"
LAST = ("addon/flannel", "addon/kube-proxy", "addon/coredns")
"""Whose Pods somebody waits for: other objects keep a starting API server busy only after these."""
NODE_NETWORK = "addon/flannel/node"
OBJECTS = (
    *("cluster-admins", "upload-config/kubeadm", "upload-config/kubelet", "upload-config/bootstrap"),
    *("bootstrap-token", "upload-certs"),
)
REMOVABLE = ("kube-proxy", "coredns")
STORAGE = "addon/storage"
LOAD_BALANCER = "addon/load-balancer"
OWN_ADDONS = (
    *LAST,
    STORAGE,
    f"{LOAD_BALANCER}/definitions",
    LOAD_BALANCER,
    "addon/kube-proxy/wait",
    *(f"addon/{name}/gone" for name in REMOVABLE),
)
NODE = (
    *("node-registered", "mark-control-plane", "kubelet-finalize/enable-client-cert-rotation"),
    *(NODE_NETWORK, "node-ready", "addon/coredns/wait"),
)


def object_steps(cfg: ClusterConfig, inputs: ClusterInputs) -> Part:
    token_effects: tuple[Effect, ...] = (
        *(Create(objects.token_secret(token, inputs.now)) for token in inputs.tokens),
        *((File(names.TOKEN_CREATED, b"", mode=0o600),) if inputs.tokens else ()),
    )
    ready = ("wait-control-plane/apiserver", *LAST)
    upload = Step(
        "upload-certs", "Control plane", inputs.uploads, after=ready, timeout=cfg.run.timeouts.kubernetes_api_call
    )
    steps = [
        _bound(cfg),
        _apply(cfg, "upload-config/kubeadm", objects.kubeadm_config(inputs.stored), after=LAST),
        _apply(cfg, "upload-config/kubelet", objects.kubelet_config(cfg), after=LAST),
        _apply(cfg, "upload-config/bootstrap", objects.own_config(cfg.own), after=LAST),
        Step(
            "bootstrap-token",
            "Control plane",
            (*token_effects, *(Apply(o) for o in (*objects.bootstrap_rbac(), *objects.cluster_info(cfg, inputs.ca)))),
            after=ready,
            timeout=cfg.run.timeouts.kubernetes_api_call,
        ),
        *((upload,) if inputs.uploads else ()),
    ]
    return Part(OBJECTS, tuple(steps))


def _bound(cfg: ClusterConfig) -> Step:
    step = _apply(cfg, "cluster-admins", (objects.cluster_admins(),))
    return replace(step, effects=(*step.effects, File(ADMINS_BOUND, b"", mode=0o600)))


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
        timeout=cfg.run.timeouts.kubernetes_api_call,
    )


def _marked(inputs: NodeInputs) -> Step:
    taints = NodeTaints(inputs.cfg.node.name, node_taints(inputs.cfg, inputs.facts), TAINTS_GIVEN)
    step = _apply(inputs.cfg, "mark-control-plane", (objects.node_marks(inputs.cfg),), "Node", ("node-registered",))
    return replace(step, effects=(*step.effects, taints))


def own_addon_steps(node: NodeInputs, manifests: Mapping[str, str]) -> Part:
    """kube-proxy runs before anything that uses a Service address; flannel is given the API's own address."""
    cfg, facts = node.cfg, node.facts
    proxy = builtin.kube_proxy(cfg, facts, manifests, node.patches)
    network = builtin.flannel(cfg, facts, manifests)
    dns = builtin.coredns(cfg, facts, manifests, node.patches)
    steps = []
    gone = {name: _taken_away(node, manifests, name) for name in REMOVABLE}
    steps += [_gone(cfg, name, bodies) for name, bodies in gone.items() if bodies]
    if network:
        steps.append(_apply(cfg, "addon/flannel", network, "Add-ons", api=ANSWERS))
    if proxy:
        steps.append(_apply(cfg, "addon/kube-proxy", proxy, "Add-ons", api=ANSWERS))
        if node.wait != "api":
            wait = (WorkloadReady("DaemonSet", "kube-system", "kube-proxy", facts.booted, node=cfg.node.name),)
            steps.append(
                Step(
                    "addon/kube-proxy/wait",
                    "Add-ons",
                    waits=wait,
                    after=("addon/kube-proxy",),
                    timeout=workload_timeout(cfg),
                )
            )
    if dns:
        steps.append(_apply(cfg, "addon/coredns", dns, "Add-ons", after=("addon/kube-proxy",)))
    if volumes := builtin.storage(cfg, manifests):
        # Nobody waits for its Pod, which would start at CoreDNS' cost.
        steps.append(_apply(cfg, STORAGE, volumes, "Add-ons", after=(*LAST, "addon/coredns/wait")))
    steps += _load_balancer(node, manifests)
    return Part(OWN_ADDONS, tuple(steps))


def _load_balancer(node: NodeInputs, manifests: Mapping[str, str]) -> Iterator[Step]:
    """As storage: after what somebody waits for."""
    found, kinds = waves(builtin.load_balancer(node.cfg, node.facts, manifests)), f"{LOAD_BALANCER}/definitions"
    if found.definitions:
        served = tuple(Served(body["metadata"]["name"]) for body in found.definitions)
        defined = _apply(node.cfg, kinds, found.definitions, "Add-ons", after=(*LAST, "addon/coredns/wait"))
        yield replace(defined, waits=served)
        yield _apply(node.cfg, LOAD_BALANCER, (*found.ordinary, *found.custom), "Add-ons", after=(kinds,))


def _taken_away(node: NodeInputs, manifests: Mapping[str, str], addon: str) -> tuple[Document, ...]:
    """The objects of an add-on that the configuration leaves out, which an earlier one may have had."""
    cluster, cfg = node.cfg.cluster, node.cfg
    if addon == "kube-proxy" and cluster.proxy_disabled:
        cfg = replace(cfg, cluster=replace(cluster, proxy_disabled=False))
        return builtin.kube_proxy(cfg, node.facts, manifests, {})
    if addon == "coredns" and cluster.dns_disabled:
        cfg = replace(cfg, cluster=replace(cluster, dns_disabled=False))
        return builtin.coredns(cfg, node.facts, manifests, {})
    return ()


def _gone(cfg: ClusterConfig, addon: str, bodies: tuple[Document, ...]) -> Step:
    return Step(
        f"addon/{addon}/gone",
        "Add-ons",
        tuple(map(ObjectGone, bodies)),
        after=("wait-control-plane/apiserver",),
        timeout=cfg.run.timeouts.kubernetes_api_call,
    )


def node_steps(inputs: NodeInputs, manifests: Mapping[str, str], networks: tuple[Addon, ...]) -> Part:
    """`networks` are the add-ons that Pods get their addresses from, where those are not our own."""
    cfg, node = inputs.cfg, inputs.cfg.node.name
    timeout = cfg.run.timeouts.control_plane_component_health_check
    exists, answers = (NodeExists(node),), ("wait-control-plane/apiserver",)
    steps = [
        Step("node-registered", "Node", waits=exists, after=answers, timeout=timeout),
        _marked(inputs),
        Step(
            "kubelet-finalize/enable-client-cert-rotation",
            "Node",
            (RotatableKubeletCredential(names.KUBELET_CONF, names.KUBELET_CLIENT_CURRENT),),
            after=("node-registered",),
        ),
    ]
    own_network = builtin.flannel_files(cfg, inputs.facts, manifests)
    if own_network:
        ready_to_ask = ("node-registered", "control-plane/controller-manager")
        # The controller-manager has to lead before it gives the node its range.
        steps.append(Step(NODE_NETWORK, "Node", own_network, after=ready_to_ask, timeout=timeout))
    if inputs.wait != "api" and cfg.own.cni != "none":
        network = tuple(map(applied, networks))
        after = ("node-registered", "addon/flannel", NODE_NETWORK, "wait-control-plane/controller-manager", *network)
        ready, steady = NodeReady(node, inputs.facts.booted), ControlPlaneSteady(inputs.facts.booted)
        dns = inputs.wait == "dns" and not cfg.cluster.dns_disabled
        waits = (ready,) if dns else (ready, steady)  # the last wait sees most
        steps.append(Step("node-ready", "Node", waits=waits, after=after, timeout=workload_timeout(cfg)))
        if dns:
            doubted = asks_itself(inputs.facts)
            up = WorkloadReady("Deployment", "kube-system", "coredns", inputs.facts.booted, node=node, doubted=doubted)
            wait = (up, steady)
            before = ("addon/coredns", "addon/kube-proxy/wait", "node-ready", "wait-control-plane/scheduler")
            steps.append(Step("addon/coredns/wait", "Add-ons", waits=wait, after=before, timeout=workload_timeout(cfg)))
    return Part(NODE, tuple(steps))
