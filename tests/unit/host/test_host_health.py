"""What the health check asks, and what it makes of the answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.host.node import health as checked
from bootstrap.host.node.health import health, question, questions


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "complete"
    monkeypatch.setattr(checked, "COMPLETE", str(path))
    return path


def test_a_node_that_is_not_up_is_not_healthy(complete: Path) -> None:
    assert "not up yet" in health()


def test_a_node_of_which_nothing_was_asked_is_healthy_once_it_is_up(complete: Path) -> None:
    complete.write_bytes(b"")

    assert health() == ""


def test_all_that_the_run_waited_for_is_asked_and_the_first_that_fails_is_told(
    complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    wrong = {"https://127.0.0.1:10259/livez": "it does not answer"}

    def answer(url: str) -> str:
        asked.append(url)
        return wrong.get(url, "")

    monkeypatch.setattr(checked, "_url", answer)
    monkeypatch.setattr(checked, "_dns", lambda server, name: f"{name} at {server}")
    urls = ("https://localhost:6443/readyz", "https://127.0.0.1:10257/healthz", "https://127.0.0.1:10259/livez")
    complete.write_bytes(questions(urls, "10.96.0.10", "kubernetes.default.svc.cluster.local"))

    assert health() == "it does not answer"
    assert asked == list(urls)

    wrong.clear()
    assert health() == "kubernetes.default.svc.cluster.local at 10.96.0.10"

    complete.write_bytes(questions(urls, "", ""))
    assert health() == ""


def test_a_question_for_an_address() -> None:
    assert question("a.bc") == b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\1a\2bc\0" + b"\0\1\0\1"
