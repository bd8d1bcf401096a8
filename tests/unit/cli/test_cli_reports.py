"""What a run leaves for programs: every event as one line, without secrets; a page at the end; and never a failure."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bootstrap.cli.app import app
from bootstrap.cli.flags.inputs import table_of_timings
from bootstrap.cli.screens.reports import reporting
from bootstrap.host.live import LiveHost
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.event_records import ENVELOPE, FIELDS, KINDS, event_name
from bootstrap.model.events import (
    Event,
    FieldsKept,
    StepDone,
    StepFailed,
    StepStarted,
    StepWaiting,
    Transferred,
)
from bootstrap.model.plan import Plan, Step
from bootstrap.model.secrets import Secret

PLAN = Plan((Step("certs/ca", "Certificates"), Step("etcd", "etcd", after=("certs/ca",))), remarks=("mind the gap",))
EVENTS: tuple[Event, ...] = (
    StepStarted("certs/ca", "Certificates"),
    StepDone("certs/ca", "Certificates", ("/ca.crt",), 0.0, 0.5),
    StepStarted("etcd", "etcd"),
    StepWaiting("etcd", "etcd", "https://:2379", "refused"),
    StepWaiting("etcd", "etcd", "https://:2379", "refused"),
    StepWaiting("etcd", "etcd", "https://:2379", "503"),
    FieldsKept("Service/x", ("spec",), ("kubectl",), empty=False),
)


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(path: Path, *events: Event, timings: str | None = None, error: BaseException | None = None) -> None:
    with reporting("init", LiveHost(), str(path), timings) as reports:
        reports.node = "n1"
        reports.planned(PLAN)
        listen = reports.beside(lambda event: None)
        for event in events:
            listen(event)
        if error:
            raise error


def test_each_event_is_a_line_with_stable_names(tmp_path: Path) -> None:
    run(tmp_path / "e", *EVENTS)
    lines = told(tmp_path / "e")

    assert [line["event"] for line in lines] == [
        "run-started", "warned", "run-planned", "step-started", "step-done", "step-started", "step-waiting",
        "step-waiting", "fields-kept", "run-done",
    ]  # fmt: skip
    assert all(line["version"] == 1 and line["time"].endswith("Z") for line in lines)
    assert [line["node"] for line in lines] == ["", *["n1"] * (len(lines) - 1)]
    assert lines[2]["steps"][1] == {"step": "etcd", "group": "etcd", "after": ["certs/ca"]}
    assert (lines[4]["changed"], lines[4]["seconds"]) == (["/ca.crt"], 0.5)
    assert lines[-1]["code"] == 0


def test_a_second_run_is_added(tmp_path: Path) -> None:
    for _ in range(2):
        run(tmp_path / "e")

    assert [line["event"] for line in told(tmp_path / "e")].count("run-started") == 2


@pytest.mark.parametrize(
    ("error", "code", "what"),
    [
        (BootstrapError("no", code=Exit.WAIT, why="slow", fix="wait", details=("a",)), 6, "no"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.BadParameter("no number", param_hint="--x"), 2, "Invalid value for --x: no number"),
        (ZeroDivisionError("oh"), 1, "ZeroDivisionError: oh"),
    ],
)
def test_a_failure_is_the_last_line(error: BaseException, code: int, what: str, tmp_path: Path) -> None:
    with pytest.raises(type(error)):
        run(tmp_path / "e", error=error)

    last = told(tmp_path / "e")[-1]
    assert (last["event"], last["code"], last["what"]) == ("run-failed", code, what)
    if code == Exit.WAIT:
        assert (last["why"], last["fix"], last["details"]) == ("slow", "wait", ["a"])


def test_what_nodes_tell_is_handed_on_and_drawn_beside_each_other(tmp_path: Path) -> None:
    run(tmp_path / "e", *EVENTS[:2])
    with reporting("cluster create", LiveHost(), str(tmp_path / "all"), str(tmp_path / "t.html")) as reports:
        for node in ("n1", "n2"):
            for line in told(tmp_path / "e"):
                reports.hand_on(node, {**line, "node": node})

    lines = told(tmp_path / "all")
    assert [(line["event"], line["node"]) for line in (lines[0], lines[-1])] == [("run-started", ""), ("run-done", "")]
    assert {line["node"] for line in lines[1:-1]} == {"n1", "n2"}
    page = (tmp_path / "t.html").read_text()
    assert [page.count(f"<h2>{node}</h2>") for node in ("n1", "n2", "")] == [1, 1, 0]


def test_secrets_are_never_in_it(tmp_path: Path) -> None:
    token = Secret("abcdef.0123456789abcdef")
    done = StepDone("etcd", "etcd", (f"token {token}", "https://me:password@registry.example.test"), 0.0, 1.0)
    error = BootstrapError(f"no {token}", code=Exit.API, details=(str(token),))
    with pytest.raises(BootstrapError):
        run(tmp_path / "e", StepStarted("etcd", "etcd"), done, timings=str(tmp_path / "t.html"), error=error)

    for name in ("e", "t.html"):
        text = (tmp_path / name).read_text()
        assert not any(secret in text for secret in (str(token), "password")), name
        assert "(hidden)" in text


def test_of_a_transfer_some_lines_and_the_last_one_are_told(tmp_path: Path) -> None:
    run(tmp_path / "e", *(Transferred("i", "h", done, 1000) for done in range(1, 1001)))
    moved = [line["done"] for line in told(tmp_path / "e") if line["event"] == "transferred"]

    assert moved[0] == 1
    assert moved[-1] == 1000
    assert len(moved) < 100


@pytest.mark.parametrize("flags", [("--events", "nowhere/e"), ("--timings", "nowhere/t.html"), ("--events", ".")])
@pytest.mark.parametrize("verb", ["init", "join"])
def test_what_cannot_be_written_is_one_error_before_anything_happens(
    flags: tuple[str, str], verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bootstrap.workflows.mode.choose_mode", lambda: type("Mode", (), {"name": "node"}))
    arguments = (
        "192.0.2.1:6443",
        "--token",
        "abcdef.0123456789abcdef",
        "--discovery-token-unsafe-skip-ca-verification",
    )

    done = CliRunner().invoke(app, [verb, *(arguments if verb == "join" else ()), *flags])

    assert isinstance(done.exception, BootstrapError)
    assert (done.exception.code, flags[1] in done.exception.what) == (Exit.USAGE, True)
    assert done.output == ""


def test_a_reader_that_went_away_is_a_warning_and_the_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "e")
    reader = os.open(tmp_path / "e", os.O_RDONLY | os.O_NONBLOCK)
    with reporting("reset", LiveHost(), str(tmp_path / "e")) as reports:
        os.close(reader)
        for event in EVENTS:
            reports(event)

    assert capsys.readouterr().err.count("nothing more is written to") == 1


def test_standard_output_has_one_thing_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.workflows.mode.choose_mode", lambda: type("Mode", (), {"name": "node"}))

    assert CliRunner().invoke(app, ["init", "--events", "-", "-o", "json"]).exit_code == 2
    assert CliRunner().invoke(app, ["reset", "--events", "-"]).exit_code == 2


def test_the_page_is_there_after_a_failure_as_well(tmp_path: Path) -> None:
    page = tmp_path / "t.html"
    page.write_text("old")
    with pytest.raises(BootstrapError):
        run(
            tmp_path / "e", *EVENTS, StepFailed("etcd", "etcd", "no"),
            timings=str(page), error=BootstrapError("no", code=Exit.WAIT),
        )  # fmt: skip

    text = page.read_text()
    assert "✗ etcd" in text
    assert "certs/ca" in text
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["init", "--timings"], ["init", "--timings=-"]),
        (["init", "--timings", "--dry-run"], ["init", "--timings=-", "--dry-run"]),
        (["join", "--timings", "192.0.2.1:6443"], ["join", "--timings=-", "192.0.2.1:6443"]),
        (["init", "--timings", "t.html"], ["init", "--timings", "t.html"]),
        (["init", "--timings", "-"], ["init", "--timings", "-"]),
        (["init", "--timings=t"], ["init", "--timings=t"]),
        ([], []),
    ],
)
def test_timings_without_a_page_are_a_table(typed: list[str], meant: list[str]) -> None:
    assert table_of_timings(typed) == meant


def every_field() -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        yield from ((event_name(kind), field.name) for field in fields(kind))


def test_every_field_is_explained_and_none_hides_the_envelope() -> None:
    named = {name for _, name in every_field()}

    assert named == set(FIELDS)
    assert not named & set(ENVELOPE)
