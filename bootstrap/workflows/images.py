"""Images of the user's own."""

from __future__ import annotations

from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE

CTR = ("ctr", f"--address={NODE.address}", "--namespace=k8s.io")
IMPORT = (*CTR, "images", "import", "--local")
"""`--local` prints one `unpacking NAME (DIGEST)...done` an image; without it, a progress display that mangles names."""
IMPORT_TIMEOUT = 3600.0


def load_images(host: Host, source: str) -> tuple[str, ...]:
    """Imports a `docker save` archive (`-`: standard input). Raises BootstrapError (exit 9) when it is refused."""
    try:
        output = host.run([*IMPORT, source], timeout=IMPORT_TIMEOUT, keep_stdin=True)
    except BootstrapError as e:
        raise BootstrapError(
            "the archive was refused",
            code=Exit.IMAGE,
            details=e.details,
            fix="docker save IMAGE | docker exec -i NAME bootstrap images load -",
        ) from e
    return tuple(line.split()[1] for line in output.splitlines() if line.startswith("unpacking "))
