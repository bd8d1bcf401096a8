"""Runs the real kubeadm's phases in a scratch root: no cluster, no systemd, nothing of this machine touched.

Needs root (kubeadm changes its root directory) and a kubeadm binary: $KUBEADM, else the newest of the component cache,
for the minor that KUBERNETES names.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from _common import minor

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bootstrap/components"
_FILES = ("certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start")
_DRY_RUNS = ("upload-config all", "bootstrap-token")
_MANIFESTS = ("addon kube-proxy", "addon coredns")
_ATTACHED = "[dryrun] Attached object:\n"


def binary() -> Path:
    """The kubeadm to compare with; a suite without one fails, it does not pass in silence."""
    if named := os.environ.get("KUBEADM"):
        return Path(named)
    folder = _CACHE / minor()["components"]["kubeadm"].get("folder", "kubeadm")
    newest = max(folder.glob("*/kubeadm"), key=lambda p: p.stat().st_mtime, default=None)
    assert newest is not None, "no kubeadm: .venv/bin/python scripts/build_components.py kubeadm, or set KUBEADM"
    return newest


def run_phases(
    kubeadm: Path, config: bytes, root: Path, directories: tuple[str, ...], env: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Fill `root` with every file of a control-plane node; return the API objects of init."""
    for directory in ("tmp", "etc", *(d.removeprefix("/") for d in directories)):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "kubeadm.yaml").write_bytes(config)
    external_etcd = b"external:" in config
    found: list[dict[str, Any]] = []
    for phase in _FILES:
        if not (external_etcd and phase == "etcd local"):
            _run(kubeadm, phase, root, env)
    for phase in _DRY_RUNS:
        found += _attached(_run(kubeadm, f"{phase} --dry-run", root, env))
    for phase in _MANIFESTS:
        printed = _run(kubeadm, f"{phase} --print-manifest", root, env).splitlines()
        # Between the documents: what it did with patches, and no end of line after the separator of a patched one.
        kept = [re.sub("^---", "---\n", line) for line in printed if not line.startswith("[patches] ")]
        found += [body for body in yaml.safe_load_all("\n".join(kept)) if body]
    return found


def _run(kubeadm: Path, phase: str, root: Path, env: Mapping[str, str]) -> str:
    command = [str(kubeadm), "init", "phase", *phase.split(), "--rootfs", str(root), "--config", "/kubeadm.yaml"]
    # A dry run looks for admin.conf where it would have written it: there it is.
    clean = {"PATH": os.environ["PATH"], "KUBEADM_INIT_DRYRUN_DIR": "/etc/kubernetes", **env}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def _attached(output: str) -> Iterator[dict[str, Any]]:
    """The objects that a dry run shows, each ended by an empty line."""
    for part in output.split(_ATTACHED)[1:]:
        yield yaml.safe_load(part.split("\n\n")[0])
