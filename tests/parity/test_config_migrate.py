"""Files of v1beta3 mean the same after our `config migrate` as after that of kubeadm 1.36, the last that reads them.

configs/old/completed holds what kubeadm v1.36.3 made of each file in configs/old (`kubeadm config migrate`).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.config.migrate import migrate
from bootstrap.formats import yaml_reader
from bootstrap.formats.yaml_text import to_yaml
from tests.parity.kubeadm import binary

OLD = Path(__file__).parent / "configs/old"
FILES = sorted(OLD.glob("*.yaml"))


def documents(text: str, kinds: set[str]) -> dict[str, Any]:
    """By kind; kubeadm makes an InitConfiguration of this machine and this moment where none is in the file."""
    return {each["kind"]: each for each in yaml.safe_load_all(text) if each["kind"] in kinds}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_means_what_kubeadm_makes_of_it(path: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text(to_yaml(*migrate(yaml_reader.parse(path.read_bytes())).documents))
    kinds = {each["kind"] for each in yaml.safe_load_all(path.read_text())}
    command = [str(binary()), "config", "migrate", "--old-config", str(ours)]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert completed.returncode == 0, completed.stderr
    assert documents(completed.stdout, kinds) == documents((OLD / "completed" / path.name).read_text(), kinds)
