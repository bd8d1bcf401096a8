"""Options that several commands have, and how files named in them are read."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootstrap.cli.flags.options import given_to, option
from bootstrap.host.fs.given import absolute, contents
from bootstrap.host.port import HostReader
from bootstrap.model.flags import CONFIGURATION, RUN, Flag, writing

if TYPE_CHECKING:
    from bootstrap.config import Overrides

FORMATS = ("text", "json")
FILES = "Configuration"

CONFIG = Flag("config", "kubeadm v1beta4 YAML; - is standard input.", FILES, "FILE", "file")
MIRRORS, DRY_RUN = (next(flag for flag in CONFIGURATION if flag.name == name) for name in ("mirrors", "dry-run"))
OUTPUT = Flag("output", "How the result is shown.", RUN, default="text", short="o", words=FORMATS)
STRICT = Flag("strict", "Warnings of preflight are errors.", RUN, form="switch")

EVENTS = Flag("events", "Write what happens, as it happens: a JSON object a line; - is standard output.", RUN, "FILE")
TIMINGS = Flag(
    "timings", "Show where the time went, step by step: a page, or - (also without FILE) a table.", RUN, "FILE"
)

ConfigFile = Annotated[str | None, option(CONFIG)]
DryRun = Annotated[bool, option(DRY_RUN)]
MirrorFile = Annotated[str | None, option(MIRRORS)]
OutFile = Annotated[Path | None, typer.Option("-f", "--file", metavar="FILE", help="The file to write.")]
Output = Annotated[str, option(OUTPUT)]
OutputOrFile = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="|".join(FORMATS), help="How the result is shown. (A file, before there was --file.)"
    ),
]


def table_of_timings(argv: Sequence[str]) -> list[str]:
    """`--timings` without a page means the table, whatever follows it."""
    flag, pairs = TIMINGS.shown, pairwise([*argv, ""])
    alone = [word == flag and not (after == "-" or after.endswith(".html")) for word, after in pairs]
    return [f"{flag}=-" if bare else word for word, bare in zip(argv, alone, strict=True)]


VALUED = ("--certificate-renewal", "--etcd-upgrade")
"""Switches that are on unless they are given `=false`, as kubeadm has them; alone they mean true."""
TRUTHS = ("true", "false")


def with_truths(argv: Sequence[str]) -> list[str]:
    """Such a switch with its value, whatever follows it."""
    return [f"{word}=true" if word in VALUED else word for word in argv]


def absolute_path(typed: str) -> str:
    """Of the host; empty where nothing was typed."""
    return absolute(typed) if typed else ""


def read_config(source: str | None, host: HostReader | None = None) -> bytes | None:
    """The bytes of a file of the host, or of standard input (`-`); None for None. Raises BootstrapError (exit 3).

    Without a host a path means our own container's. In host mode there is no current directory to start from.
    """
    if source is None:
        return None
    if source == "-":
        return sys.stdin.buffer.read()
    if host is None:
        from bootstrap.host.live import LiveHost

        host = LiveHost()
    return contents(host, source, "give a file that exists, or - (stdin)")


def file_and_format(file: Path | None, output: str) -> tuple[Path | None, str]:
    """What --file and --output mean together, where --output once was the file and is still taken as one."""
    if output in FORMATS:
        return file, output
    if file is not None:
        raise typer.BadParameter(f"text or json; the file is {file} by --file", param_hint="'-o' / '--output'")
    return Path(output), FORMATS[0]


def overrides(verb: str, given: Mapping[str, Any], host: HostReader) -> Overrides:
    """What a command's flags say about the configuration; --mirrors names a file of the host."""
    from bootstrap.config import Overrides

    values = given_to(writing(verb), given)
    if values.get(MIRRORS.key) is not None:
        from bootstrap.config.own.bootstrap_configuration import (
            load_mirrors,  # pydantic costs a start too much for who gives no rules
        )

        values[MIRRORS.key] = load_mirrors(read_config(values[MIRRORS.key], host) or b"")
    return Overrides(**values)


def comma_separated(value: str | None) -> tuple[str, ...] | None:
    return tuple(item for item in value.split(",") if item) if value is not None else None


def seconds_of(text: str, option: str) -> float:
    """A duration as Go writes it."""
    from bootstrap.formats.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as e:
        raise typer.BadParameter(str(e), param_hint=option) from None
