"""Debian's programs that this system has not, or for another architecture: unpacked and looked into, never run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from _base import image_id
from _common import CACHE, context, digest, ensure_packages, fail, prune, run, timed, triplet

PACKAGES = ("nftables", "iptables", "dash", "coreutils", "keepalived")
"""Those whose programs the images use. apt adds what these depend on."""
# apt's own state and an empty list of installed packages: what this system has itself does not count.
UNPACK = """\
set -e
mkdir -p /tmp/apt/lists/partial /tmp/apt/archives/partial
: >/tmp/apt/status
apt() {
  apt-get -qq -o APT::Architecture=$ARCH -o APT::Architectures=$ARCH -o Dir::State::Lists=/tmp/apt/lists \\
    -o Dir::State::Status=/tmp/apt/status -o Dir::Cache::Archives=/tmp/apt/archives "$@"
}
apt update
apt install --yes --no-install-recommends --download-only $PACKAGES
for package in /tmp/apt/archives/*.deb; do dpkg-deb --extract "$package" /out/root; done
chown -hR $OWNER /out/root
"""
_WANTED = re.compile(r"\(NEEDED\)\s+Shared library: \[(?P<library>.+)\]|program interpreter: (?P<interpreter>/.+)\]")


def debian(system: str, arch: str) -> Path:
    """The files of the packages for an architecture, from where the system image would take its own."""
    result = CACHE / "debian" / arch / digest([UNPACK, *PACKAGES, image_id(system)])
    if not result.is_dir():
        with timed(f"Debian's packages for {arch}"), context() as folder:
            settings = {"ARCH": arch, "PACKAGES": " ".join(PACKAGES), "OWNER": str(os.getuid())}
            given = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
            mount = ("-v", f"{folder}:/out")
            run("docker", "run", "--rm", "--network=host", *given, *mount, system, "sh", "-c", UNPACK, quiet=True)
            result.parent.mkdir(parents=True, exist_ok=True)
            (folder / "root").rename(result)
    prune(result.parent, result)
    return result


def asked_for(listing: str) -> list[str]:
    """The libraries and the dynamic loader that a program names, in what `readelf` says of it; without folders."""
    found = _WANTED.finditer(listing)
    return [Path(match["library"] or match["interpreter"]).name for match in found]


def loaded(root: Path, programs: Iterable[str], arch: str) -> list[str]:
    """Programs (or libraries) and all that they load, as paths below `root`.

    The dynamic loader's own place comes before the libraries'.
    """
    ensure_packages("binutils", probe=("readelf",))
    found: list[str] = []
    left = list(programs)
    while left:
        path = left.pop()
        if path in found:
            continue
        found.append(path)
        for name in asked_for(run("readelf", "--dynamic", "--program-headers", "--wide", root / path)):
            places = [f"{folder}/{name}" for folder in ("usr/lib", f"usr/lib/{triplet(arch)}")]
            there = [place for place in places if (root / place).exists()]
            if not there:
                fail(f"{path} for {arch} needs {name}, which is in none of {', '.join(PACKAGES)} and what they need")
            left.append(there[0])
    return found


def without_running(recipe: dict[str, Any], root: Path, arch: str, trees: Mapping[str, Any]) -> dict[str, Any]:
    """A tree's recipe with files and links of `root` for its programs and folders, which it would ask a machine for.

    In the container that makes the tree, `root` is a folder of that name beside the components. What the tree that this
    one lies `beside` in all its images loads is there already.
    """
    programs, links = _programs(recipe, root)
    there, _ = _programs(trees[recipe["beside"]], root) if "beside" in recipe else ([], {})
    files = dict(recipe.get("files", {}))
    if programs:
        has = set(loaded(root, there, arch))
        files |= {f"root/{path}": path for path in loaded(root, programs, arch) if path not in has}
    kept = {key: value for key, value in recipe.items() if key not in ("programs", "folders", "beside")}
    return {**kept, "files": files, "links": recipe.get("links", {}) | links}


def _programs(recipe: dict[str, Any], root: Path) -> tuple[list[str], dict[str, str]]:
    """Paths below `root` of a recipe's programs, those in its folders too, and the links in these."""
    programs, links = [program.lstrip("/") for program in recipe.get("programs", [])], {}
    for folder in recipe.get("folders", []):
        for path in sorted((root / folder.lstrip("/")).iterdir()):
            inside = str(path.relative_to(root))
            if path.is_symlink():
                links[inside] = os.readlink(path)
            elif path.is_file():
                programs.append(inside)
    return programs, links
