"""Options that several commands have, and how files named in them are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.model.errors import BootstrapError, Exit

ConfigFile = Annotated[str | None, typer.Option("--config", help="kubeadm v1beta4 YAML; - is standard input.")]
Output = Annotated[str, typer.Option("-o", "--output", help="text or json.")]


def read_config(source: str | None) -> bytes | None:
    """The bytes of a file or of standard input (`-`); None for None. Raises BootstrapError (exit 3)."""
    if source is None:
        return None
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as e:
        raise BootstrapError(
            f"cannot read {source}: {e.strerror}",
            code=Exit.CONFIG,
            fix="give a file that exists, or - (stdin)",
        ) from e
