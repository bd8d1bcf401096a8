"""Running a command: clean environment, time limit, and its output kept for the error."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

from bootstrap.model.errors import BootstrapError, Exit

COMMAND_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where commands are, in our own image."""
KEPT_LINES = 10


def execute(
    argv: Sequence[str],
    path: str,
    timeout: float,
    *,
    pass_fds: Sequence[int] = (),
    shown: str = "",
) -> str:
    """Standard output of a command whose PATH is `path`; `shown` is how errors name it.

    Raises BootstrapError (exit 5) when it is not there, fails, or does not end within `timeout` seconds; then it is
    killed together with what it started.
    """
    shown = shown or " ".join(argv)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": path, "LC_ALL": "C.UTF-8"},
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as e:
        what = "is not installed" if isinstance(e, FileNotFoundError) else f"cannot be run: {e.strerror}"
        raise BootstrapError(f"{argv[0]} {what}", code=Exit.EFFECT) from e
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise BootstrapError(
            f"{shown} did not end within {timeout:.0f} s", code=Exit.EFFECT, details=_last(*_killed(process))
        ) from None
    except BaseException:
        _killed(process)
        raise
    if process.returncode:
        raise BootstrapError(
            f"{shown} failed with exit code {process.returncode}", code=Exit.EFFECT, details=_last(out, err)
        )
    return out.decode(errors="replace")


def _killed(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Kill the whole group: a child that lives on would keep the pipes open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=2)
    except subprocess.TimeoutExpired as e:  # a child in a session of its own
        return e.output or b"", e.stderr or b""


def _last(out: bytes, err: bytes) -> tuple[str, ...]:
    """The last lines on standard error; those on standard output when it said nothing there."""
    text = (err.strip() or out.strip()).decode(errors="replace")
    return tuple(text.splitlines()[-KEPT_LINES:])
