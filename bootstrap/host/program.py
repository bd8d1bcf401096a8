"""Files of the program itself: in the image, or in the tree that it is started from."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("/usr/lib/bootstrap/app")
"""Where the image has the program."""
LAUNCHER = "/usr/bin/bootstrap"
"""What starts it there."""


def manifests() -> dict[str, str]:
    """The add-ons' templates: path below `manifests/` → text."""
    folder = _tree() / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


def shell_part(name: str) -> str:
    """A script, or a piece of one, that is handed out."""
    return (_tree() / "bootstrap/cli/shell" / name).read_text()


def _tree() -> Path:
    return FOLDER if FOLDER.is_dir() else Path(__file__).parents[2]
