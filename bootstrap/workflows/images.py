"""Images of the user's own."""

from __future__ import annotations

import subprocess

from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit

IMPORT = ("ctr", f"--address={names.CRI_SOCKET.removeprefix('unix://')}", "--namespace=k8s.io", "images", "import")


def load_images(source: str) -> tuple[str, ...]:
    """Imports a `docker save` archive, streamed. Raises BootstrapError (exit 9) when it is refused."""
    done = subprocess.run([*IMPORT, source], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootstrapError(
            "the archive was refused",
            code=Exit.IMAGE,
            details=tuple(done.stderr.strip().splitlines()[-3:]),
            fix="docker save IMAGE | docker exec -i NAME bootstrap images load -",
        )
    return tuple(line for line in done.stdout.splitlines() if line.strip())
