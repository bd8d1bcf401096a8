"""Manifests and indexes as a registry sent them: nothing in them is used before it has its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bootstrap.host.registry.limits import RegistryError
from bootstrap.host.registry.words import is_page, page
from bootstrap.model.images.image import Blob, Platform, platform_of
from bootstrap.model.images.oci import is_descriptor


def parsed(host: str, body: bytes) -> Mapping[str, Any]:
    """Raises RegistryError, which names a web page as one."""
    if is_page(body):
        raise RegistryError(
            f"{host}: answers with {page(body)}, in place of a registry; something on the way wants a login, "
            "or the address is not that of a registry"
        )
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise RegistryError(f"{host}: sent a manifest that is not JSON") from e
    if not isinstance(document, dict):
        raise RegistryError(f"{host}: sent a manifest that is not an object")
    return document


def entries(host: str, document: Mapping[str, Any], key: str) -> list[Any]:
    """A list, empty when there is none."""
    found = document.get(key) or []
    if not isinstance(found, list):
        raise RegistryError(f"{host}: sent a manifest whose {key} are no list")
    return found


def descriptor(host: str, entry: Any) -> Blob:
    if not is_descriptor(entry):
        raise RegistryError(f"{host}: sent a manifest with a descriptor that is not one")
    return Blob(entry["mediaType"], entry["digest"], entry["size"])


def platform_in(entry: Any) -> Platform | None:
    """The platform of an index's entry; None for what is none, such as attestations."""
    found = entry.get("platform") if isinstance(entry, dict) else None
    if not isinstance(found, dict) or found.get("os") in (None, "unknown"):
        return None
    return platform_of(found)
