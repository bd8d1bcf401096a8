"""`bootstrap config`: what it prints is what it was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.cli.app import COMPONENTS, app
from bootstrap.config import load, validate


def run(*argv: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["config", *argv])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ("init-defaults", ["InitConfiguration", "ClusterConfiguration", "BootstrapConfiguration"]),
        ("join-defaults", ["JoinConfiguration"]),
        ("reset-defaults", ["ResetConfiguration"]),
        ("upgrade-defaults", ["UpgradeConfiguration"]),
    ],
)
@pytest.mark.parametrize("components", [[], ["KubeletConfiguration"], ["KubeProxyConfiguration"], list(COMPONENTS)])
def test_defaults_are_those_of_the_verb_and_can_be_read(what: str, kinds: list[str], components: list[str]) -> None:
    more = ["--component-configs", ",".join(components)] if components else []
    code, text = run("print", what, *more)

    assert code == 0
    assert [document["kind"] for document in yaml.safe_load_all(text)] == kinds + components
    validate(load(text.encode()))


@pytest.mark.parametrize(
    "argv",
    [
        ["print", "nonsense"],
        ["print", "init_defaults"],
        ["print", "join-defaults", "--component-configs", "KubeSchedulerConfiguration"],
        ["print", "join-defaults", "--config", "/f"],
        ["print", "effective", "--component-configs", "KubeletConfiguration"],
        ["validate"],
    ],
)
def test_what_would_have_no_effect_is_wrong_usage(argv: list[str]) -> None:
    assert run(*argv)[0] == 2


def test_validate_shows_what_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nmetadata: {name: x}\n")

    code, text = run("validate", "--config", str(file))
    assert code == 0
    assert "ClusterConfiguration.metadata: ignored" in text and text.endswith("ok\n")
    assert json.loads(run("validate", "--config", str(file), "-o", "json")[1])["warnings"]


OLD = """apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
nodeRegistration: {kubeletExtraArgs: {node-labels: rack=7}}
"""


def test_an_old_file_is_written_anew(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)

    assert run("migrate", "--old-config", str(old), "--new-config", str(new))[0] == 0
    assert new.stat().st_mode & 0o777 == 0o600
    validate(load(new.read_bytes()))
    code, text = run("migrate", "--old-config", str(old), "-o", "json")
    assert code == 0
    (document,) = json.loads(text[text.index("{") :])["documents"]
    assert document["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-labels", "value": "rack=7"}]


@pytest.mark.parametrize("text", ["a: [", OLD.replace("rack=7", "[1]"), ""])
def test_a_file_that_cannot_be_migrated_leaves_nothing(text: str, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(text)

    assert run("migrate", "--old-config", str(old), "--new-config", str(new))[0] != 0
    assert not new.exists()
