"""`bootstrap wrapper` and `bootstrap completion`: what makes a command of the image on somebody's machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from bootstrap.cli.flags.options import one_of
from bootstrap.host.program import shell_part
from bootstrap.model import names
from bootstrap.model.errors import Exit

SHELLS = ("bash", "zsh", "fish")


def wrapper(
    image: Annotated[str, typer.Option(help="What this image is called on that machine.")] = names.IMAGE,
) -> int:
    """Print a script that runs this image like a program: put it into a file, and make that executable."""
    sys.stdout.write(shell_part("wrapper.sh").replace("@IMAGE@", image))
    return Exit.OK


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="|".join(SHELLS), help="The shell.", callback=one_of(*SHELLS))],
) -> int:
    """Print what makes a shell complete the words of this command; it asks no container."""
    sys.stdout.write(script(shell, list(_commands(context.find_root().command, ()))))
    return Exit.OK


@dataclass(frozen=True)
class Words:
    """What may follow the words of a command, and an option's value where there are few."""

    path: tuple[str, ...]
    inner: tuple[str, ...]
    options: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    """None for an option whose value is free: a file, mostly."""


def script(shell: str, commands: Sequence[Words]) -> str:
    """The function that says what may come next is made for each shell; the rest is as it is."""
    lines = _fish(commands) if shell == "fish" else _posix(commands)
    return "\n".join([f"# {shell} completion of bootstrap", *lines, shell_part(f"completion.{shell}")])


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[Words]:
    inner = {name: c for name, c in getattr(command, "commands", {}).items() if not c.hidden}
    shown = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    options = (*sorted(name for p in shown for name in p.opts), "--help")
    values = {name: _values(p) for p in shown if not p.is_flag for name in p.opts}
    arguments = tuple(v for p in command.params if p.param_type_name == "argument" for v in _values(p))
    yield Words(path, (*inner, *arguments), options, values)
    for name, each in inner.items():
        yield from _commands(each, (*path, name))


def _values(parameter: Any) -> tuple[str, ...]:
    shown = (parameter.metavar or "").strip("[]")
    return tuple(shown.split("|")) if "|" in shown else ()


def _posix(commands: Sequence[Words]) -> Iterator[str]:
    yield "_bootstrap_words() {"
    yield "    local at='' last='' word"
    yield '    for word in "$@"; do'
    yield f'        case "$at/$word" in {" | ".join(_path(c) for c in commands if c.path)}) at=$at/$word ;; esac'
    yield '        [ "$word" = = ] || last=$word'
    yield "    done"
    yield '    case "$at $last" in'
    for key, words in _valued(commands):
        yield f"    {key}) {_said(words)}; return ;;"
    yield "    esac"
    yield '    case "$at" in'
    for c in commands:
        yield f"    {_path(c) or chr(39) * 2}) {_said((*c.inner, *c.options))} ;;"
    yield "    esac"
    yield "}"


def _fish(commands: Sequence[Words]) -> Iterator[str]:
    yield "function __bootstrap_words"
    yield "    set -l at ''"
    yield "    set -l last ''"
    yield "    for word in $argv"
    yield '        switch "$at/$word"'
    yield f"            case {' '.join(_path(c) for c in commands if c.path)}"
    yield '                set at "$at/$word"'
    yield "        end"
    yield "        set last $word"
    yield "    end"
    yield '    switch "$at $last"'
    for key, words in _valued(commands):
        yield f"        case {key.replace(' | ', ' ')}"
        yield f"            {_said(words) if words else '__fish_complete_path (commandline --current-token)'}"
        yield "            return"
    yield "    end"
    yield '    switch "$at"'
    for c in commands:
        yield f"        case {_path(c) or chr(39) * 2}"
        yield f"            {_said((*c.inner, *c.options))}"
    yield "    end"
    yield "end"


def _path(command: Words) -> str:
    return "".join(f"/{word}" for word in command.path)


def _valued(commands: Sequence[Words]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Pattern → words, for options that take a value."""
    found: dict[tuple[str, ...], list[str]] = {}
    for c in commands:
        for option, words in c.values.items():
            found.setdefault(words, []).append(f"'{_path(c)} {option}'")
    yield from ((" | ".join(patterns), words) for words, patterns in found.items())


def _said(words: Sequence[str]) -> str:
    return f"printf '%s\\n' {' '.join(words)}" if words else ":"
