"""Errors a user can act on, and the one table of exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes; documented in docs/reference/exit-codes.md from this table."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    PREFLIGHT = 4
    EFFECT = 5
    WAIT = 6
    API = 7
    CONFLICT = 8
    IMAGE = 9
    INTERRUPTED = 130


EXIT_MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.BUG: "a bug in bootstrap",
    Exit.USAGE: "wrong usage of the command line",
    Exit.CONFIG: "the configuration is not valid",
    Exit.PREFLIGHT: "a preflight check failed",
    Exit.EFFECT: "a change to the host failed",
    Exit.WAIT: "a wait failed or timed out",
    Exit.API: "the API server refused",
    Exit.CONFLICT: "locked, or a cluster that is not ours or has another configuration",
    Exit.IMAGE: "an image or a bundle was refused",
    Exit.INTERRUPTED: "interrupted",
}


class BootstrapError(Exception):
    """What happened, why it probably did, and what to type next.

    `details` are further lines of evidence, one problem each; `more` is where to look for more of it.
    """

    def __init__(
        self, what: str, *, code: Exit, why: str = "", fix: str = "", details: tuple[str, ...] = (), more: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.code = code
        self.details = details
        self.more = more
        self.instead = ""
        """Another way out than `fix`, which the one who runs a step knows."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration: `path` as in `networking.podSubnet`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def config_error(problems: tuple[Problem, ...], *, written: bool = True) -> BootstrapError:
    """All problems of a configuration in one error (exit 3); `written` if there is a file to correct."""
    plural = "problem" if len(problems) == 1 else "problems"
    return BootstrapError(
        f"the configuration has {len(problems)} {plural}",
        code=Exit.CONFIG,
        fix="correct the configuration and try it with: bootstrap config validate --config FILE"
        if written
        else "correct the command as said, and run it again",
        details=tuple(str(p) for p in problems),
    )
