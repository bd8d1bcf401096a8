"""Which of the ways to run was chosen, decided once from what is mounted."""

from __future__ import annotations

from pathlib import Path

from bootstrap.model.errors import BootstrapError, Exit

HOST_ROOT = Path("/host")
NODE = "node"


def refuse_host_mode() -> None:
    """Host mode is not part of this version: stop before anything is touched (exit 2)."""
    if HOST_ROOT.is_dir() and any(HOST_ROOT.iterdir()):
        raise BootstrapError(
            "a host root is mounted at /host, and this version only makes throwaway nodes",
            code=Exit.USAGE,
            why="host mode installs into the machine itself; it is not in this version yet",
            fix="leave out the mount: docker run -d --privileged bootstrap:v1.37.0 init",
        )
