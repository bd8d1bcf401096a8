"""All Secrets are written again as they are: the API server encrypts each with the key that comes first now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bootstrap.host.port import Api, ApiResponse
from bootstrap.model.errors import BootstrapError, Exit

PAGE = 200
_GONE, _CONFLICT, _OLD = 404, 409, 410


def rewrite(api: Api) -> int:
    """How many there are. One that changed or went meanwhile was written by somebody else.

    Raises BootstrapError (exit 7) when one is not taken.
    """
    count = 0
    for secret in _all(api):
        meta = secret["metadata"]
        as_read = {key: meta[key] for key in ("name", "namespace", "resourceVersion")}
        answer = api.merge({"apiVersion": "v1", "kind": "Secret", "metadata": as_read})
        if answer.status not in (200, _GONE, _CONFLICT):
            raise _refused(f"the Secret {meta['namespace']}/{meta['name']} could not be written again", answer)
        count += 1
    return count


def _all(api: Api) -> Iterator[Mapping[str, Any]]:
    """Page by page; from the start again when the pages are too old by now, which writes nothing twice."""
    begun = f"/api/v1/secrets?limit={PAGE}"
    path = begun
    while path:
        answer = api.get(path)
        if answer.status == _OLD:
            path = begun
            continue
        if answer.status != 200:
            raise _refused("Secrets could not be listed", answer)
        yield from answer.body.get("items") or ()
        further = (answer.body.get("metadata") or {}).get("continue", "")
        path = f"{begun}&continue={quote(further)}" if further else ""


def _refused(what: str, answer: ApiResponse) -> BootstrapError:
    return BootstrapError(
        what,
        code=Exit.API,
        why=str(answer.body.get("message", "")) or f"HTTP {answer.status}",
        fix="cure that, then run the same command again: the old key stays until all are written",
    )
