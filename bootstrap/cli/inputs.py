"""Options that several commands have, and how files named in them are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.host.port import HostReader
from bootstrap.model.errors import BootstrapError, Exit

FORMATS = ("text", "json")


def one_of(*words: str) -> Callable[[str], str]:
    """A callback for an option that takes these words only (a Literal would cost every start an import of pydantic)."""

    def checked(value: str) -> str:
        if value not in words:
            raise typer.BadParameter(f'"{value[:40]}" is not {" or ".join(words)}')
        return value

    return checked


AdvertiseAddress = Annotated[str | None, typer.Option(help="Address that this node's API server is announced with.")]
BindPort = Annotated[int | None, typer.Option(help="Port of the API server.")]
CertDir = Annotated[str | None, typer.Option(help="Where certificates and keys lie.")]
ConfigFile = Annotated[str | None, typer.Option("--config", help="kubeadm v1beta4 YAML; - is standard input.")]
CriSocket = Annotated[str | None, typer.Option(help="CRI socket of a runtime to use instead of ours.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show every change as a diff, and make none.")]
Ignored = Annotated[
    str | None, typer.Option(help="Checks whose errors are warnings: kubeadm's names, separated by commas, or all.")
]
MirrorFile = Annotated[str | None, typer.Option("--mirrors", help="A file with the fields of `mirrors`.")]
NodeName = Annotated[str | None, typer.Option(help="Name of this node; its hostname by default.")]
OutFile = Annotated[Path | None, typer.Option("-f", "--file", help="The file to write.")]
Output = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="|".join(FORMATS), callback=one_of(*FORMATS), help="How the result is shown."
    ),
]
OutputOrFile = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="|".join(FORMATS), help="How the result is shown. (A file, before there was --file.)"
    ),
]
PodCidr = Annotated[str | None, typer.Option(help="Range for Pods; two, separated by a comma, for dual-stack.")]
ServiceCidr = Annotated[str | None, typer.Option(help="Range for Services; two for dual-stack.")]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings of preflight are errors.")]


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
    content = host.read(os.path.abspath(source))
    if content is None:
        raise BootstrapError(f"cannot read {source}", code=Exit.CONFIG, fix="give a file that exists, or - (stdin)")
    return content


def file_and_format(file: Path | None, output: str) -> tuple[Path | None, str]:
    """What --file and --output mean together, where --output once was the file and is still taken as one."""
    if output in FORMATS:
        return file, output
    if file is not None:
        raise typer.BadParameter(f"text or json; the file is {file} by --file", param_hint="'-o' / '--output'")
    return Path(output), FORMATS[0]


def comma_separated(value: str | None) -> tuple[str, ...] | None:
    return tuple(item for item in value.split(",") if item) if value is not None else None
