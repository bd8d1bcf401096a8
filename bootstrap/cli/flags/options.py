"""Commands whose flags come from a table (`model.flags`), and how their `--help` looks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from bootstrap.cli.flags.examples import EXAMPLES
from bootstrap.model.flags import Flag

_TYPES: dict[str, Any] = {"number": int | None, "switch": bool, "many": list[str] | None}
_Run = TypeVar("_Run", bound=Callable[..., Any])
OTHERS = "Options"
"""Heading of what belongs to no group."""


def one_of(*words: str) -> Callable[[str | None], str | None]:
    """A callback for an option that takes these words only (a Literal would cost every start an import of pydantic)."""

    def checked(value: str | None) -> str | None:
        if value is not None and value not in words:
            raise typer.BadParameter(f'"{value[:40]}" is not {", ".join(words[:-1])} or {words[-1]}')
        return value

    return checked


def option(flag: Flag) -> Any:
    """The flag as typer has it."""
    return typer.Option(
        *((f"-{flag.short}",) if flag.short else ()),
        flag.shown,
        help=flag.help,
        metavar="|".join(flag.words) or flag.metavar or None,
        callback=one_of(*flag.words) if flag.words else None,
        hidden=flag.hidden,
        rich_help_panel=flag.group,
    )


def takes(*flags: Flag) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The function's keyword arguments are the flags, by their names in Python."""

    def decorate(run: Callable[..., int]) -> Callable[..., int]:
        own = [p for p in inspect.signature(run, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [*own, *map(_parameter, flags)]
        run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameter(flag: Flag) -> inspect.Parameter:
    kind = _TYPES.get(flag.form, str if flag.words else str | None)
    default = False if flag.form == "switch" else flag.default
    return inspect.Parameter(
        flag.key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option(flag)]
    )


class Command(TyperCommand):
    """Options below the headings of their groups, in the order in which the groups come first."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        parameters = self.get_params(ctx)
        few = len(parameters) < _MANY
        records = [(_heading(p, few=few), record) for p in parameters if (record := p.get_help_record(ctx))]
        headings = list(dict.fromkeys(heading for heading, _ in records))
        for heading, group in groupby(sorted(records, key=lambda r: headings.index(r[0])), key=lambda r: r[0]):
            with formatter.section(heading):
                formatter.write_dl([record for _, record in group], col_max=_WIDEST)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples as they are: a line that was wrapped cannot be copied."""
        if lines := EXAMPLES.get(ctx.command_path.partition(" ")[2]):
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in lines))


class Group(TyperGroup):
    """Commands with the whole first paragraph of their help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _summary(command)) for name, command in commands if command and not command.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class App(typer.Typer):
    """Commands whose help looks like this."""

    def __init__(self, help: str, **more: Any) -> None:
        super().__init__(cls=Group, help=help, no_args_is_help=True, **more)

    def command(self, name: str | None = None, **more: Any) -> Callable[[_Run], _Run]:
        return super().command(name, cls=Command, **more)


_MANY = 12
"""So many options are shown in groups."""
_WIDEST = 34
"""Characters of a flag and its value before its help starts on a line of its own."""


def _heading(parameter: Any, *, few: bool) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return OTHERS if few else getattr(parameter, "rich_help_panel", None) or OTHERS


def _summary(command: Any) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


def given_to(flags: Sequence[Flag], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a command got, that of these flags; a switch that is off was not given."""
    return {f.key: (given[f.key] or None) if f.form == "switch" else given[f.key] for f in flags}
