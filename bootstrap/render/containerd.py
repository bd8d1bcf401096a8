"""The configuration of the containerd that we run."""

from __future__ import annotations

import json

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.render import images
from bootstrap.render.mirrors import hosts_files

_IMAGES = "plugins.'io.containerd.cri.v1.images'"
_RUNTIME = "plugins.'io.containerd.cri.v1.runtime'"


def containerd_files(cfg: ClusterConfig, facts: HostFacts) -> tuple[File, ...]:
    """config.toml, and a hosts.toml for each registry that has mirrors."""
    return (
        File(names.CONTAINERD_CONFIG, containerd_config(cfg, facts).encode()),
        *hosts_files(cfg.extension.mirrors),
    )


def containerd_config(cfg: ClusterConfig, facts: HostFacts) -> str:
    """The sandbox image pinned, systemd cgroups, mirrors from files; OOM scores left alone where they must be."""
    tables: dict[str, dict[str, object]] = {
        "": {"version": 3, "root": names.CONTAINERD_ROOT, "state": names.CONTAINERD_STATE},
        "grpc": {"address": cfg.node.cri_socket.removeprefix("unix://")},
        f"{_IMAGES}.pinned_images": {"sandbox": images.pause(cfg)},
        f"{_IMAGES}.registry": {"config_path": names.CONTAINERD_REGISTRIES},
        _RUNTIME: {} if facts.can_raise_oom else {"restrict_oom_score_adj": True},
        f"{_RUNTIME}.cni": {"bin_dirs": [names.CNI_BIN_DIR], "conf_dir": names.CNI_CONF_DIR},
        f"{_RUNTIME}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
        f"{_RUNTIME}.containerd.runtimes.runc.options": {"SystemdCgroup": True},
    }
    return "\n".join(_table(name, values) for name, values in tables.items() if values)


def _table(name: str, values: dict[str, object]) -> str:
    header = [f"[{name}]"] if name else []
    return "\n".join([*header, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]) + "\n"
