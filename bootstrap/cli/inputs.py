"""Options that several commands have, and how files named in them are read."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from bootstrap.host.port import HostReader
from bootstrap.model.errors import BootstrapError, Exit

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
Output = Annotated[str, typer.Option("-o", "--output", help="text or json.")]
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


def comma_separated(value: str | None) -> tuple[str, ...] | None:
    return tuple(item for item in value.split(",") if item) if value is not None else None
