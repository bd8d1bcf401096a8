"""`-o/--output` is a format in every command; a file has a name of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from bootstrap.cli.app import app
from bootstrap.cli.flags.inputs import file_and_format
from bootstrap.cli.main import guarded
from bootstrap.formats import yaml_reader
from bootstrap.model.errors import Exit

WITHOUT_A_RESULT = {"node", "wrapper", "completion"}
WITH_A_FILE = {"bundle create", "images lock"}


def commands(command: Any, words: tuple[str, ...] = ()) -> dict[str, Any]:
    below = getattr(command, "commands", None)
    if below is None:
        return {" ".join(words): command}
    return {name: c for word in below for name, c in commands(below[word], (*words, word)).items()}


COMMANDS = commands(typer.main.get_command(app))


def run(*words: str) -> int:
    return guarded(lambda: int(app(args=list(words), prog_name="bootstrap", standalone_mode=False) or 0))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in WITHOUT_A_RESULT])
def test_every_command_with_a_result_has_the_format(name: str) -> None:
    spellings = [p for p in COMMANDS[name].params if {"-o", "--output"} & set(p.opts)]

    assert [(p.opts, p.metavar, p.default) for p in spellings] == [(["-o", "--output"], "text|json", "text")]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in WITHOUT_A_RESULT | WITH_A_FILE])
def test_any_other_word_is_wrong_usage(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["x" for p in COMMANDS[name].params if p.param_type_name == "argument" and p.required]

    assert run(*name.split(), *arguments, "-o", "yaml") == Exit.USAGE
    shown = capsys.readouterr().err
    assert "'-o' / '--output': \"yaml\" is not text or json" in shown
    assert f"bootstrap {name} --help" in shown


@pytest.mark.parametrize(
    ("file", "output", "meant"),
    [
        ("a.bundle", "text", ("a.bundle", "text")),
        ("a.bundle", "json", ("a.bundle", "json")),
        (None, "a.bundle", ("a.bundle", "text")),
        (None, "./json", ("json", "text")),
        (None, "-", ("-", "text")),
        (None, "json", (None, "json")),
    ],
)
def test_the_old_spelling_of_a_file_is_still_taken(
    file: str | None, output: str, meant: tuple[str | None, str]
) -> None:
    path, form = file_and_format(Path(file) if file else None, output)

    assert (str(path) if path else None, form) == meant


def test_two_files_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("bundle", "create", "-f", "a", "-o", "b") == Exit.USAGE
    assert "the file is a by --file" in capsys.readouterr().err


def test_a_bundle_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("bundle", "create", "-o", "json") == Exit.USAGE
    assert "'-f' / '--file'" in capsys.readouterr().err


def test_yaml_is_shown_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "print", "init-defaults") == Exit.OK
    documents = yaml_reader.parse(capsys.readouterr().out.encode())
    assert run("config", "print", "init-defaults", "-o", "json") == Exit.OK

    assert json.loads(capsys.readouterr().out) == documents
