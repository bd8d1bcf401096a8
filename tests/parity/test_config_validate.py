"""The same files are accepted and rejected as `kubeadm config validate` does, but for the wanted differences.

Needs kubeadm: $KUBEADM, else the newest one in the cache of components; skipped without.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from bootstrap.config import load, validate
from bootstrap.model.errors import BootstrapError

CONFIGS = Path(__file__).parent / "configs"
FILES = sorted(CONFIGS.glob("good/*.yaml")) + sorted(CONFIGS.glob("bad/*.yaml"))
WANTED: dict[str, str] = yaml.safe_load((CONFIGS / "differences.yaml").read_text())["wanted_differences"]


@pytest.fixture(scope="module")
def kubeadm() -> str:
    """Path of the kubeadm to compare with."""
    if given := os.environ.get("KUBEADM"):
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    built = sorted(cache.glob("bootstrap/components/kubeadm/*/kubeadm"), key=lambda p: p.stat().st_mtime)
    if not built:
        pytest.skip("no kubeadm: build it (make image) or set KUBEADM")
    return str(built[-1])


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
