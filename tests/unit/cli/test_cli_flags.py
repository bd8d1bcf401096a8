"""The flags of the command line: one table, its words, and how `--help` shows them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bootstrap.cli.app import app
from bootstrap.cli.bundle import offered_images
from bootstrap.cli.flags.examples import EXAMPLES
from bootstrap.cli.flags.init import INIT_FLAGS
from bootstrap.cli.flags.join import JOIN_FLAGS
from bootstrap.config import Overrides
from bootstrap.model.flags import CONFIGURATION, INIT, writing

KUBEADM = set(
    """
    apiserver-advertise-address apiserver-bind-port apiserver-cert-extra-sans cert-dir certificate-key config
    control-plane-endpoint cri-socket dry-run feature-gates ignore-preflight-errors image-repository kubernetes-version
    node-name patches pod-network-cidr service-cidr service-dns-domain skip-certificate-key-print skip-phases
    skip-token-print token token-ttl upload-certs
    """.split()  # noqa: SIM905 - a list of names, not of literals
)
"""The flags of `kubeadm init`."""
KUBEADM_JOIN = set(
    """
    apiserver-advertise-address apiserver-bind-port certificate-key config control-plane cri-socket discovery-file
    discovery-token discovery-token-ca-cert-hash discovery-token-unsafe-skip-ca-verification dry-run
    ignore-preflight-errors node-name patches skip-phases tls-bootstrap-token token
    """.split()  # noqa: SIM905 - a list of names, not of literals
)
"""The flags of `kubeadm join` 1.37."""


ROOT = Path(__file__).parents[3]


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    command = command or typer.main.get_command(app)
    yield words
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from commands(inner, (*words, name))


ALL = list(commands())


def has_commands(words: tuple[str, ...]) -> bool:
    return any(other[: len(words)] == words and len(other) > len(words) for other in ALL)


def help_of(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_cuts_nothing_off(words: tuple[str, ...]) -> None:
    lines = help_of(*words).splitlines()

    assert [line for line in lines if line.endswith("...") and not line.startswith("Usage:")] == []
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", [" ".join(words) for words in ALL if words and not has_commands(words)])
def test_every_command_ends_with_examples_that_are_right(name: str) -> None:
    lines = EXAMPLES[name]

    assert help_of(*name.split()).endswith("Examples:\n" + "".join(f"  {line}\n" for line in lines))
    for line in lines:
        typed = re.sub(r" [|<>] .*| …", "", line.partition(" | ")[2] or line).split()
        start = next(i for i, word in enumerate(typed) if word in ("IMAGE", "bootstrap"))
        assert parsed(typed[start + 1 :]) == name


def parsed(words: list[str]) -> str:
    """The command that is meant; raises what a wrong option or argument raises."""
    context = typer.main.get_command(app).make_context("bootstrap", words)
    while isinstance(context.command, TyperGroup):
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None and command is not None
        context = command.make_context(name, rest, parent=context)
    return context.command_path.partition(" ")[2]


HEAVY = {"pydantic", "requests", "cryptography", "docker", "rich", "tenacity", "yaml", "urllib3"}


def test_help_imports_nothing_that_takes_long() -> None:
    """It answers at once: what is heavy is imported within the function that needs it."""
    seen: set[Path] = set()
    found: set[str] = set()
    waiting = [ROOT / "bootstrap/cli/main.py", ROOT / "bootstrap/cli/app.py"]
    while waiting:
        module = waiting.pop()
        if module in seen or not module.exists():
            continue
        seen.add(module)
        for name in imported_at_once(module):
            found |= {name.split(".")[0]} & HEAVY
            path = ROOT / name.replace(".", "/")
            waiting += [path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")]
            waiting += [parent / "__init__.py" for parent in path.parents if parent != ROOT and ROOT in parent.parents]

    assert len(seen) > 20
    assert found == set()


def imported_at_once(module: Path) -> Iterator[str]:
    for statement in ast.parse(module.read_text()).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def test_flags_of_init_are_in_groups_with_examples() -> None:
    shown = help_of("init")

    headings = [line.rstrip(":") for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*dict.fromkeys(flag.group for flag in INIT_FLAGS), "Options", "Examples"]
    assert shown.split("Options:")[1].partition("Examples:")[0].split() == [
        "--help",
        "Show",
        "this",
        "message",
        "and",
        "exit.",
    ]
    assert shown.count("init --") >= 2


def test_init_has_every_flag_of_kubeadm() -> None:
    assert KUBEADM - {flag.name for flag in INIT_FLAGS} == set()
    assert KUBEADM_JOIN - {flag.name for flag in JOIN_FLAGS} == set()


def test_a_flag_is_there_once_and_a_field_is_written_by_one() -> None:
    assert [n for n, count in Counter(flag.name for flag in INIT_FLAGS).items() if count > 1] == []
    written = Counter(flag.writes[INIT] for flag in writing(INIT))
    assert [path for path, count in written.items() if count > 1] == []


def test_preflight_takes_what_init_takes_into_its_configuration() -> None:
    shown = help_of("preflight")

    assert [flag.shown for flag in writing(INIT) if flag.shown not in shown] == []


def test_no_flag_of_another_name_is_written() -> None:
    assert all(Overrides(**{flag.key: None}).get(flag.key) is None for flag in CONFIGURATION)
    with pytest.raises(TypeError, match="no flag writes pod_cidr"):
        Overrides(pod_cidr="10.0.0.0/8")


@pytest.mark.parametrize(
    "argv",
    [
        ["init", "--wait", "soon"],
        ["init", "--trusted-key", "/k"],
        ["init", "--insecure-unsigned"],
        ["init", "--bundle", "docker", "--trusted-key", "/k"],
        ["init", "--bundle", "docker", "--insecure-unsigned"],
        *(["images", "pull", f"--timeout={seconds}", "x:1"] for seconds in ("0", "-5", "nan", "inf")),
        ["images", "lock", "--timeout=-1", "x:1"],
    ],
)
def test_a_flag_that_would_have_no_effect_is_wrong_usage(argv: list[str]) -> None:
    assert CliRunner().invoke(app, argv).exit_code == 2


def test_who_is_to_be_trusted_is_said_once() -> None:
    decision = SimpleNamespace(cfg=SimpleNamespace(own=SimpleNamespace(trusted_keys=())))
    with pytest.raises(typer.BadParameter):
        offered_images("/b", ["/k"], True, None, decision, None)
