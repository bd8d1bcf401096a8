"""Files of the user's that are written while a run goes on, or at its end; a run never fails for their sake."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from bootstrap.host.fs.given import LOOKED_UP
from bootstrap.host.fs.replace import replacing
from bootstrap.model.errors import BootstrapError, Exit

STANDARD_OUTPUT = 1


class LineFile:
    """Lines are added one by one, each whole; `told` hears once when that is no longer possible."""

    def __init__(self, path: Path | None, typed: str, option: str, told: Callable[[str], None]) -> None:
        """None is standard output. Raises BootstrapError (exit 2) when the file, `typed` so, cannot be written."""
        self._name, self._told, self._ended = typed if path else "standard output", told, False
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o644) if path else STANDARD_OUTPUT
        except OSError as e:
            raise _unwritable(typed, option, e) from None

    def write(self, line: str) -> None:
        if self._ended:
            return
        rest = f"{line}\n".encode()
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as e:
            self._ended = True
            self._told(f"nothing more is written to {self._name}: {e.strerror}")

    def close(self) -> None:
        if self._fd != STANDARD_OUTPUT:
            with contextlib.suppress(OSError):
                os.close(self._fd)


def require_folder(path: Path, typed: str, option: str) -> None:
    """Raises BootstrapError (exit 2) when no file could be made beside `path`, which was typed so."""
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as e:
        raise _unwritable(typed, option, e) from None


def write_page(path: Path, text: str, told: Callable[[str], None]) -> None:
    """The whole file in one step."""
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as e:
        told(f"{path} was not written: {e.strerror}")


def _unwritable(path: str, option: str, error: OSError) -> BootstrapError:
    return BootstrapError(
        f"{path} cannot be written: {error.strerror}",
        code=Exit.USAGE,
        why=LOOKED_UP,
        fix=f"name a file in a folder that is there and writable: {option} FILE",
    )
