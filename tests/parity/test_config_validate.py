"""Files are accepted and rejected as `kubeadm config validate` does, and completed as `kubeadm config migrate` does.

Wanted differences are listed with their reasons: in configs/differences.yaml, and defaults below.

Needs kubeadm: $KUBEADM, else the newest one in the cache of components.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.config import Overrides, load, resolve, validate
from bootstrap.config.documents import all_documents
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.errors import BootstrapError
from tests.parity.kubeadm import binary as kubeadm_binary

CONFIGS = Path(__file__).parent / "configs"
FILES = sorted(CONFIGS.glob("good/*.yaml")) + sorted(CONFIGS.glob("bad/*.yaml"))
WANTED: dict[str, str] = yaml.safe_load((CONFIGS / "differences.yaml").read_text())["wanted_differences"]

CLUSTERS = [p for p in FILES if p.parent.name == "good" and p.stem not in WANTED and "\nkind: Cl" in p.read_text()]
OUR_DEFAULTS = {
    "ClusterConfiguration.encryptionAlgorithm": "ECDSA-P256: smaller and faster",
    "ClusterConfiguration.imageRepository": "the images are our own builds",
    "ClusterConfiguration.kubernetesVersion": "and so is their version",
    "ClusterConfiguration.networking.podSubnet": "flannel needs one",
    "InitConfiguration.nodeRegistration.taints": "left open until the mode decides",
    "InitConfiguration.nodeRegistration.name": "the host's",
    "InitConfiguration.localAPIEndpoint.advertiseAddress": "the host's",
    "InitConfiguration.bootstrapTokens": "made by the first init",
}


@pytest.fixture(scope="module")
def kubeadm() -> str:
    """Path of the kubeadm to compare with."""
    return str(kubeadm_binary())


def ours_accepts(path: Path) -> bool:
    """Our own answer."""
    try:
        validate(load(path.read_bytes()))
    except BootstrapError:
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_ours_accepts_the_good_and_rejects_the_bad(path: Path) -> None:
    assert ours_accepts(path) == (path.parent.name == "good")


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_kubeadm_agrees(path: Path, kubeadm: str) -> None:
    run = subprocess.run(
        [kubeadm, "config", "validate", "--config", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    agrees = (run.returncode == 0) == ours_accepts(path)
    assert agrees != (path.stem in WANTED), run.stderr or run.stdout


def test_every_wanted_difference_has_a_file_and_a_reason() -> None:
    assert set(WANTED) <= {p.stem for p in FILES}
    assert all(WANTED.values())


def by_kind(documents: list[Any]) -> dict[str, Any]:
    """InitConfiguration and ClusterConfiguration of some documents."""
    return {d["kind"]: dict(d) for d in documents if d["kind"] in ("InitConfiguration", "ClusterConfiguration")}


def without(documents: dict[str, Any], path: str) -> Any:
    """Takes the value at `path` out and returns it."""
    *parents, last = path.split(".")
    target = documents
    for key in parents:
        target = target.get(key, {})
    return target.pop(last, None)


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda p: p.stem)
def test_completed_as_kubeadm_does(path: Path, kubeadm: str) -> None:
    command = [kubeadm, "config", "migrate", "--old-config", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    given = by_kind(list(yaml.safe_load_all(path.read_text())))
    theirs = by_kind(list(yaml.safe_load_all(run.stdout)))
    ours = by_kind(all_documents(resolve(load(path.read_bytes()), Overrides(), ANY_HOST)))
    for default in OUR_DEFAULTS:
        stated = without(given, default)
        if stated is None or default.endswith("kubernetesVersion"):
            without(theirs, default)
            without(ours, default)
    assert ours == theirs
