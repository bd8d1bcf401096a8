"""Files of the program itself: in the image, or in the tree that it is started from."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("/usr/lib/bootstrap/app")
"""Where the image has the program."""


def manifests() -> dict[str, str]:
    """The add-ons' templates: path below `manifests/` → text."""
    folder = (FOLDER if FOLDER.is_dir() else Path(__file__).parents[2]) / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))}
