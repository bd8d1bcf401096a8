"""Asking before something is lost."""

from __future__ import annotations

import sys

import typer

from bootstrap.model.errors import BootstrapError, Exit


def confirm(question: str, command: str, flag: str) -> None:
    """`command` asks, which it does not with `flag`. Raises BootstrapError: exit 2 without a terminal, 130 for no."""
    if not sys.stdin.isatty():
        raise BootstrapError(
            f"{command} asks before it removes anything, and there is no terminal to answer on",
            code=Exit.USAGE,
            fix=f"bootstrap {command} {flag}, or run the container with -it",
        )
    if typer.prompt(f"{question} [y/N]", default="n", show_default=False).strip().lower() not in ("y", "yes"):
        raise BootstrapError(
            "nothing was changed: the answer was not yes",
            code=Exit.INTERRUPTED,
            fix=f"bootstrap {command} asks again; --dry-run only shows what it would do",
        )
