"""`cluster create --config`: a file, standard input, the flags over it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bootstrap.cli.app import app

FILE = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: filed
nodes:
- role: control-plane
  extraPortMappings: [{containerPort: 80, hostPort: 8080}]
- role: worker
  extraMounts: [{hostPath: data, containerPath: /data, selinuxRelabel: true}]
"""


def planned(*words: str, stdin: str = "") -> list[dict[str, object]]:
    done = CliRunner().invoke(app, ["cluster", "create", *words, "--dry-run", "-o", "json"], input=stdin)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["containers"]  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTSTRAP_FOLDER", "/home/ann")
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_a_file_is_what_is_made(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(FILE)
    first, worker = planned("--config", str(tmp_path / "cluster.yaml"))

    assert (first["name"], worker["name"]) == ("filed-control-plane", "filed-worker")
    assert "8080" in json.dumps(first["ports"])
    assert "/home/ann/data" in json.dumps(worker["mounts"])


def test_flags_win_over_standard_input() -> None:
    found = planned("given", "--config", "-", "--workers", "2", stdin=FILE)

    assert [one["name"] for one in found] == ["given-control-plane", "given-worker", "given-worker2"]


def test_all_that_is_wrong_is_told_by_field() -> None:
    text = FILE.replace("role: worker", "role: helper").replace("data,", "'',")
    done = CliRunner().invoke(app, ["cluster", "create", "--config", "-", "--dry-run"], input=text)

    assert "Cluster.nodes[1].role" in " ".join(getattr(done.exception, "details", ()))
