"""The live host: real files, real commands, real systemd, all below one root directory."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bootstrap.host.port import Stat, UnitState
from bootstrap.model.errors import BootstrapError, Exit

COMMAND_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LiveHost:
    """A host whose files lie below `root` (`/`, or a scratch directory in tests)."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def read(self, path: str) -> bytes | None:
        try:
            return self.path(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stat(self, path: str) -> Stat | None:
        try:
            st = self.path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stat(st.st_mode & 0o7777, st.st_mtime, self.path(path).is_dir())

    def listdir(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(self.path(path))))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def unit(self, name: str) -> UnitState:
        if not self.path("/run/systemd/system").is_dir():  # sd_booted(3): a dry run needs no systemd
            return UnitState(active=False, enabled=False, started=0.0, sub_state="dead")
        properties = "ActiveState,SubState,UnitFileState,ExecMainStartTimestampMonotonic"
        out = self._systemctl("show", name, f"--property={properties}")
        values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return UnitState(
            active=values.get("ActiveState") == "active",
            enabled=values.get("UnitFileState") in ("enabled", "static"),
            started=_monotonic_to_epoch(int(values.get("ExecMainStartTimestampMonotonic") or 0)),
            sub_state=values.get("SubState", ""),
        )

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Temp file with a leading dot (the kubelet reads every other one), fsync, rename, fsync of the directory."""
        target = self.path(path)
        temp = target.parent / f".{target.name}.{secrets.token_hex(4)}"
        try:
            fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(fd, "wb") as f:
                    os.fchmod(fd, mode)
                    f.write(content)
                    f.flush()
                    os.fsync(fd)
                os.rename(temp, target)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temp)
                raise
            _fsync_directory(target.parent)
        except OSError as e:
            raise _write_error(path, e) from e

    def mkdir(self, path: str, mode: int) -> None:
        target = self.path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir(exist_ok=True)
            target.chmod(mode)
        except OSError as e:
            raise _write_error(path, e) from e

    def remove(self, path: str) -> None:
        self.path(path).unlink(missing_ok=True)

    def run(self, argv: Sequence[str], timeout: float = 60, *, keep_stdin: bool = False) -> str:
        env = {"PATH": COMMAND_PATH, "LC_ALL": "C.UTF-8"}
        try:
            stdin = None if keep_stdin else subprocess.DEVNULL
            done = subprocess.run(argv, stdin=stdin, capture_output=True, timeout=timeout, env=env, check=False)
        except FileNotFoundError as e:
            raise BootstrapError(f"{argv[0]} is not installed", code=Exit.EFFECT) from e
        except subprocess.TimeoutExpired as e:
            raise BootstrapError(f"{' '.join(argv)} did not end within {timeout:.0f} s", code=Exit.EFFECT) from e
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise BootstrapError(
                f"{' '.join(argv)} failed with exit code {done.returncode}",
                code=Exit.EFFECT,
                details=tuple(lines[-10:]),
            )
        return done.stdout.decode(errors="replace")

    def start_unit(self, name: str, *, enable: bool, restart: bool) -> None:
        self._systemctl("daemon-reload")
        if enable:
            self._systemctl("enable", name)
        self._systemctl("restart" if restart else "start", name)

    def _systemctl(self, *args: str) -> str:
        return self.run(["systemctl", *args])


def _monotonic_to_epoch(microseconds: int) -> float:
    return time.time() - time.monotonic() + microseconds / 1e6 if microseconds else 0.0


def _fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_error(path: str, e: OSError) -> BootstrapError:
    return BootstrapError(
        f"cannot write {path}: {e.strerror}",
        code=Exit.EFFECT,
        fix=f"make {os.path.dirname(path)} writable and run the same command again; it goes on where it stopped",
    )
