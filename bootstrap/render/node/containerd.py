"""The configuration of the containerd that we run."""

from __future__ import annotations

import json

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import Runtime
from bootstrap.render.images import required

_IMAGES = "plugins.'io.containerd.cri.v1.images'"
_RUNTIME = "plugins.'io.containerd.cri.v1.runtime'"
_SAMPLES: dict[str, object] = {"stats_collect_period": "10s"}
"""How often containerd asks every container for its CPU time: as often as the kubelet's own cAdvisor does (kubelet
pkg/kubelet/cadvisor: defaultHousekeepingInterval). Its default, 1 s, was half of what containerd took."""


def containerd_file(cfg: ClusterConfig, facts: HostFacts, runtime: Runtime) -> File:
    """config.toml of a runtime of ours."""
    return File(runtime.config, containerd_config(cfg, facts, runtime).encode())


def containerd_config(cfg: ClusterConfig, facts: HostFacts, runtime: Runtime) -> str:
    """The sandbox image pinned, systemd cgroups, mirrors from files; OOM scores left alone where they must be."""
    tables: dict[str, dict[str, object]] = {
        "": {"version": 3, "root": runtime.root, "state": runtime.state},
        "grpc": {"address": cfg.node.cri_socket.removeprefix("unix://")},
        f"{_IMAGES}.pinned_images": {"sandbox": required.pause(cfg)},
        f"{_IMAGES}.registry": {"config_path": runtime.registries},
        "plugins.'io.containerd.internal.v1.opt'": {"path": f"{runtime.root}/opt"},
        _RUNTIME: _SAMPLES if facts.can_raise_oom else {"restrict_oom_score_adj": True, **_SAMPLES},
        f"{_RUNTIME}.cni": {"bin_dirs": [runtime.cni_bin], "conf_dir": runtime.cni_conf},
        f"{_RUNTIME}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
        f"{_RUNTIME}.containerd.runtimes.runc.options": {"SystemdCgroup": True},
    }
    return "\n".join(_table(name, values) for name, values in tables.items())


def _table(name: str, values: dict[str, object]) -> str:
    header = [f"[{name}]"] if name else []
    return "\n".join([*header, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]) + "\n"
