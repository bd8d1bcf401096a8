"""Steps that change the machine alone: files, the runtime, the kubelet."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.conditions import HttpOk, RuntimeServes
from bootstrap.model.effects import (
    Directory,
    Effect,
    File,
    FileGone,
    ImagesImported,
    ImagesSeeded,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    UnitRunning,
)
from bootstrap.model.journal_entry import PATH, SYSCTL
from bootstrap.model.plan import Step
from bootstrap.model.runtime import NODE_RUNTIME, Runtime, runtime_at
from bootstrap.phases.inputs import ControlPlaneInputs, NodeInputs
from bootstrap.phases.parts import Part
from bootstrap.render.controlplane.static_pods import manifests_dir
from bootstrap.render.health import kubelet_health
from bootstrap.render.images import required
from bootstrap.render.images.mirrors import hosts_files
from bootstrap.render.node import host
from bootstrap.render.node.containerd import containerd_file
from bootstrap.render.node.kubelet import kubelet_files, node_configuration
from bootstrap.render.pki.kubeconfig import kubelet_server

RUNTIME_SERVES = "runtime/cri"
"""Beside the kubelet's start, which need not wait for it: it is the name of what lacks."""
KUBELET_FILES = "kubelet-start/config"
"""A part of the phase `kubelet-start`, which in kubeadm writes these files too."""
KUBELET_SERVER = f"{names.STATE_DIR}/kubelet-server"
ENCRYPTION = "certs/encryption"
"""Beside the certificates, since control planes share its key as they share theirs."""
KUBECONFIGS = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")
HOST_STEPS = ("host/binaries", "host/kernel", "host/network")
"""What a node container has by itself, and a host does not."""


def file_steps(node: NodeInputs, control_plane: ControlPlaneInputs) -> Part:
    cfg = node.cfg
    steps = [record_step(node)]
    phases: dict[str, list[Effect]] = {}
    for file in control_plane.pki:
        name = file.path.removeprefix(f"{cfg.cluster.certificates_dir}/").rsplit(".", 1)[0].replace("/", "-")
        phases.setdefault(f"certs/{name}", []).append(file)
    if control_plane.encryption:
        phases[ENCRYPTION] = list(control_plane.encryption)
    for file in node.kubeconfigs:
        name = file.path.rsplit("/", 1)[1].removesuffix(".conf")
        phases.setdefault(f"kubeconfig/{name}", []).append(file)
    phases.get("kubeconfig/kubelet", []).extend(node.credential)
    steps += [Step(phase, "Certificates", tuple(effects), after=("record",)) for phase, effects in phases.items()]
    return Part(("record", "certs/*", *(f"kubeconfig/{name}" for name in KUBECONFIGS)), tuple(steps))


def record_step(node: NodeInputs) -> Step:
    """Before anything else: what was there before us, and the configuration that the next run compares with."""
    cfg = node.cfg
    state = (Directory(names.STATE_DIR, 0o700), File(names.STATE_CONFIG, node.state, mode=0o600))
    plugins = RecordState(PATH, cfg.cluster.kubelet.get("volumePluginDir") or names.VOLUME_PLUGINS_DIR)
    return Step("record", "Certificates", (*_trees(cfg), plugins, *_written_by_pods(node), RecordNetwork(), *state))


def _written_by_pods(node: NodeInputs) -> tuple[RecordState, ...]:
    """What flannel's Pods write as soon as the machine is a node, in whichever order with us: the first where the first
    machine's runtime looks, which may be another one than this machine's."""
    joins = bool(node.cfg.node.server)
    if not joins and node.cfg.own.cni != "flannel":
        return ()
    runtime = NODE_RUNTIME if joins else runtime_at(node.cfg.node.cri_socket, node.facts.mode)
    paths = (f"{runtime.cni_conf}/{names.FLANNEL_CONFLIST}", names.FLANNEL_ADDRESSES)
    return tuple(RecordState(PATH, path) for path in paths)


def _trees(cfg: ClusterConfig) -> tuple[RecordDirectory, ...]:
    """What the kubelet, the runtime and the Pods will fill: what is in it before is not ours."""
    etcd = (cfg.local_etcd.data_dir,) if cfg.local_etcd else ()
    return tuple(RecordDirectory(path) for path in (*names.TREES, names.KUBELET_DIR, *etcd))


STATIC_PODS = ("etcd/local", "control-plane/apiserver")
"""What the kubelet of a control plane runs first."""


def service_steps(node: NodeInputs, ready_to_start: tuple[str, ...]) -> Part:
    """The kubelet starts once its credentials are there: after the steps `ready_to_start`."""
    cfg, facts = node.cfg, node.facts
    runtime = runtime_at(cfg.node.cri_socket, facts.mode)
    health = kubelet_health(node_configuration(cfg, facts, node.patches), cfg.node.kubelet_extra_args)
    kubelet = (*kubelet_files(cfg, facts, node.patches), *node.logins, _server(cfg))
    used = (*kubelet, *(effect for effect in node.credential if isinstance(effect, File)))
    on_boot = facts.mode == "host"  # in node mode `init` runs at every boot, and starts it once its address is known
    steps = [
        *(_host(node, runtime) if on_boot else ()),
        *_network(node),
        Step("runtime", "Images", _runtime(node, runtime), after=("record", *HOST_STEPS)),
        Step(
            RUNTIME_SERVES,
            "Images",
            waits=(RuntimeServes(cfg.node.cri_socket),),
            after=("runtime",),
            timeout=cfg.run.timeouts.kubelet_health_check,
        ),
        Step(KUBELET_FILES, "Kubelet", (Directory(manifests_dir(cfg), 0o700), *kubelet), after=("record",)),
        Step(
            "kubelet-start",
            "Kubelet",
            (UnitRunning(names.KUBELET_SERVICE, tuple(f.path for f in used), enabled=on_boot),),
            (HttpOk("kubelet healthy", health),) if health else (),
            after=("runtime", KUBELET_FILES, *ready_to_start),
            timeout=cfg.run.timeouts.kubelet_health_check,
        ),
    ]
    return Part((*HOST_STEPS, "runtime", RUNTIME_SERVES, KUBELET_FILES, "kubelet-start"), tuple(steps))


def _server(cfg: ClusterConfig) -> File:
    """What the kubelet is started anew for: kubelet.conf, which says it too, also changes with its credential."""
    return File(KUBELET_SERVER, f"{kubelet_server(cfg)}\n".encode(), mode=0o600)


def _host(node: NodeInputs, runtime: Runtime) -> list[Step]:
    cfg, facts = node.cfg, node.facts
    noted = [RecordState(SYSCTL, key) for key in host.OTHERS_SYSCTLS]
    return [
        Step("host/binaries", "Host", host.binaries(runtime, facts), after=("record",)),
        Step("host/kernel", "Host", (*noted, *host.kernel(cfg)), after=("record",)),
    ]


def _network(node: NodeInputs) -> list[Step]:
    unit = host.network_unit(node.cfg, node.facts)
    if unit is None:
        return []
    return [Step("host/network", "Host", (unit, UnitRunning(host.NETWORK_UNIT, (unit.path,))), after=("record",))]


def _runtime(node: NodeInputs, runtime: Runtime) -> tuple[Effect, ...]:
    """The runtime's configuration and, on a host, its unit and its images, which a node container has already.

    One of others is given images only.
    """
    if not runtime.ours:
        built = any(name.startswith(f"{names.BUILT_REPOSITORY}/") for name in required.needed(node.cfg))
        given = (ImagesImported(runtime.socket),) if built else ()
        return *given, RecordState(PATH, f"{runtime.cni_conf}/{names.FLANNEL_CONFLIST}")
    config = containerd_file(node.cfg, node.facts, runtime)
    mirrors, stale = hosts_files(node.cfg.own.mirrors, runtime.registries), map(FileGone, node.stale)
    if node.facts.mode == "node":
        return config, *mirrors, *stale, UnitRunning(runtime.unit, (config.path,))
    unit = host.runtime_unit(runtime)
    installed = tuple(f"{runtime.binaries}/{name}" for name in host.RUNTIME_BINARIES)
    running = UnitRunning(runtime.unit, (config.path, unit.path, *installed))
    return config, *mirrors, *stale, unit, Directory(runtime.cni_conf), ImagesSeeded(runtime.root), running
