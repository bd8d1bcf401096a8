"""Add-ons from manifests that others wrote: what the user named, what a recipe knows, and the bytes that were had."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.model.errors import BootstrapError, Exit

BUILT_IN_CNI = "flannel"
NO_CNI = "none"
UNKNOWN_CNI = ""
"""On a machine that joined a cluster which says nothing of it: somebody sees to it there."""
LOCAL_PATH = "local-path"
NO_STORAGE = "none"
STORAGES = (LOCAL_PATH, NO_STORAGE)
METALLB = "metallb"
NO_LOAD_BALANCER = "none"
LOAD_BALANCERS = (METALLB, NO_LOAD_BALANCER)
BUILT_IN = (BUILT_IN_CNI, "kube-proxy", "coredns", "storage", "load-balancer")
"""Names of the add-ons that this program renders itself; no other may have one of them."""
_DIGEST_MARK = "#sha256="
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUFFIXES = (".yaml", ".yml", ".json")
_FORMS = (
    "NAME, [NAME[@NAMESPACE]=]/PATH[,/PATH] or [NAME[@NAMESPACE]=]https://… , "
    "with #sha256=… if the bytes of one file are to be proven"
)
_NEXT = re.compile(r",(?=/)")
"""Between the paths of one add-on."""


@dataclass(frozen=True)
class AddonSource:
    """`place` is absolute paths of the host (files, or a directory), a URL, or empty: the recipe `name` knows the URL.

    With `recipe` the recipe of that name is used: its values are set. `namespace` is that of objects which name none.
    """

    name: str
    place: str
    sha256: str
    recipe: bool
    namespace: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """None for a URL, and where the recipe knows it."""
        return tuple(_NEXT.split(self.place)) if self.place.startswith("/") else ()


@dataclass(frozen=True)
class Recipe:
    """What is known about an add-on by its name. `gone` is not empty when upstream has ended it: what to use instead.

    `values` are the recipe's `set` entries (docs/how-to/addons.md); `sha256` is empty where nobody had the file.
    """

    name: str
    title: str
    version: str = ""
    url: str = ""
    sha256: str = ""
    cni: bool = False
    notes: str = ""
    gone: str = ""
    config_map_images: bool = False
    values: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Addon:
    """An add-on whose manifest is here: `content` are the bytes as they came from `origin` (a path or a URL).

    One of several files has them in `parts`, by path, and in `content` all as one stream. Objects without a namespace
    are meant for `namespace`.
    """

    name: str
    origin: str
    content: bytes
    recipe: Recipe | None = None
    cni: bool = False
    namespace: str = ""
    parts: tuple[tuple[str, bytes], ...] = ()

    @property
    def files(self) -> tuple[tuple[str, bytes], ...]:
        """Every file with its path; a file alone needs none."""
        return self.parts or (("", self.content),)


def parse_source(text: str) -> AddonSource:
    """Reads `calico`, `/m/calico.yaml`, `tool@its-namespace=/m/a.yaml,/m/b.yaml`, `https://…/x.yaml#sha256=…`.

    Raises ValueError with what is wrong.
    """
    rest, mark, digest = text.partition(_DIGEST_MARK)
    if mark and not _HEX.fullmatch(digest):
        raise ValueError(f'"{digest[:80]}" is not a sha256: 64 hexadecimal digits in lower case')
    name, equals, place = rest.partition("=")
    name, at, namespace = name.partition("@")
    if not _NAME.fullmatch(name):
        name, place, equals, at, namespace = "", rest, "", "", ""
    if at and not _NAME.fullmatch(namespace):
        raise ValueError(f'"{namespace[:80]}" is not the name of a namespace: small letters, digits and dashes')
    if name and not equals:
        return AddonSource(_free(name), "", digest, recipe=True)
    if place.startswith("https://") and urlsplit(place).hostname:
        path = urlsplit(place).path
    elif place.startswith("/"):
        path = place
    else:
        raise ValueError(f'"{text[:200]}" is not an add-on: {_FORMS}')
    source = AddonSource(_free(name or _derived(path)), place, digest, bool(equals), namespace)
    if digest and len(source.paths) > 1:
        raise ValueError("a digest is of one file, and these are several")
    return source


def proven(place: str, content: bytes, sha256: str) -> bytes:
    """The content, if it is what was meant. Raises BootstrapError (exit 9)."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise not_taken(
            place, f"it has sha256 {found}, not {sha256}", "compare the file with the one that you have seen"
        )
    return content


def not_taken(place: str, why: str, fix: str) -> BootstrapError:
    """Exit 9."""
    return BootstrapError(f"{place} cannot be taken", code=Exit.IMAGE, why=why, fix=fix)


def is_foreign_cni(cni: str) -> bool:
    """Whether the field `cni` names a manifest, rather than one of our words."""
    return cni not in (BUILT_IN_CNI, NO_CNI, UNKNOWN_CNI)


def _derived(path: str) -> str:
    """The name of the first file, or of the directory, without its ending."""
    name = _NEXT.split(path)[0].rstrip("/").rsplit("/", 1)[-1].lower()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    name = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    if not _NAME.fullmatch(name):
        raise ValueError(f'no name can be made of "{path[:200]}"; give one: NAME={path[:200]}')
    return name


def _free(name: str) -> str:
    if name in BUILT_IN:
        raise ValueError(f"{name} is the name of an add-on of our own; give another: NAME=PLACE")
    return name
