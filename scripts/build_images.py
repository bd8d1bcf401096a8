"""Build the images inside for every architecture, as one OCI layout: each name is an index, with a manifest a platform.

    build_images.py [FOLDER]    build into a folder (build/images), the components first, when they are missing
    build_images.py --cached    end with 0 if that takes no compiler any more

Those for this machine are, byte for byte, the ones that its image carries.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from _base import image_id
from _common import CACHE, MACHINES, ROOT, alone, context, digest, fail, prune, succeeds, timed
from _inner_images import INNER
from build_components import build, missing, tell_missing
from build_image import INSIDE, run_inside, system_image, whole_spec

sys.path.insert(0, str(ROOT))

from bootstrap.host.images.layout import Layout
from bootstrap.model.images.bundle import named
from bootstrap.model.images.oci import BLOBS, IMAGE_NAME, INDEX, Descriptor, index_bytes

SCRIPT = ROOT / "scripts/_layout_inside.py"


def of_architecture(system: str, arch: str) -> Path:
    """The images inside for one architecture: a layout in the cache."""
    spec, files = whole_spec(system, arch)
    components = {name: build(name, arch) for name in INNER}
    keys = (files.name, *(folder.name for folder in components.values()))
    result = CACHE / "images" / arch / digest([spec, image_id(system), SCRIPT, *INSIDE, *keys])
    if not result.is_dir():
        with timed(f"images for {arch}"), context() as folder:
            run_inside(system, folder, SCRIPT, spec, components, files)
            result.parent.mkdir(parents=True, exist_ok=True)
            (folder / "out/layout").rename(result)
    prune(result.parent, result)
    return result


def joined(indexes: Iterable[list[Descriptor]]) -> tuple[list[Descriptor], list[bytes]]:
    """Manifests of the same name become an index: what the layout's index.json says, and those indexes themselves."""
    platforms: dict[str, list[Descriptor]] = {}
    for index in indexes:
        for manifest in index:
            plain = {key: value for key, value in manifest.items() if key != "annotations"}
            platforms.setdefault(manifest["annotations"][IMAGE_NAME], []).append(plain)
    documents = {name: index_bytes(manifests) for name, manifests in platforms.items()}
    return [named(_descriptor(content), name) for name, content in documents.items()], list(documents.values())


def _descriptor(index: bytes) -> dict[str, Any]:
    return {"mediaType": INDEX, "digest": _digest(index), "size": len(index)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write(parts: list[Path], target: Path) -> None:
    """Put the layouts of all architectures into one, which takes the place of what was there."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    layout, entries, documents = Layout(unfinished), *joined(Layout(part).index() for part in parts)
    try:
        for content in documents:
            layout.add(BytesIO(content), _digest(content))
        for blob in (path for part in parts for path in (part / BLOBS).iterdir()):
            with blob.open("rb") as stream:
                layout.add(stream, f"sha256:{blob.name}")
        layout.set_index(entries)
        if target.exists():
            shutil.rmtree(target)
        unfinished.rename(target)
    finally:
        layout.discard()


def act(target: Path) -> None:
    """Build everything, and write it."""
    if not succeeds("docker", "info"):
        fail("no Docker engine answers; `make engine` starts one")
    if target.exists() and not (target / "oci-layout").is_file():
        fail(f"{target} is there already, and is no OCI layout: name another folder")
    system = system_image()
    parts = [of_architecture(system, arch) for arch in MACHINES]
    with timed(f"layout for {', '.join(MACHINES)}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        write(parts, target)
    print(target)


def main() -> None:
    """Parse the arguments and do one thing."""
    parser = argparse.ArgumentParser(description="build the images inside for every architecture")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build/images", help="where to")
    parser.add_argument("--cached", action="store_true", help="only say whether everything is compiled already")
    options = parser.parse_args()
    if options.cached:
        tell_missing(missing(*MACHINES, names=INNER), "make images-all")
    with alone():
        act(options.folder.absolute())


if __name__ == "__main__":
    main()
