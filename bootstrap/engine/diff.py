"""What a change would make different, line by line: files and API objects, without secrets."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import yaml

from bootstrap.engine.drift import file_differs
from bootstrap.engine.kinds import located
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import HostReader
from bootstrap.model.effects import Apply, Create, Effect, File

Objects = Callable[[str], Mapping[str, Any] | None]
"""REST path → the object that the API server has, None when there is none or no server."""
CONTEXT = 2


@singledispatch
def diff(effect: Effect, host: HostReader, objects: Objects) -> tuple[str, ...]:
    """Lines of a unified diff without its header; empty when nothing differs, or when it is secret."""
    return ()


@diff.register
def _(effect: File, host: HostReader, objects: Objects) -> tuple[str, ...]:
    if effect.secret or file_differs(host, effect) not in ("missing", "content"):
        return ()
    return _lines(host.read(effect.path) or b"", effect.content)


@diff.register
def _(effect: Apply, host: HostReader, objects: Objects) -> tuple[str, ...]:
    if effect.body["kind"] == "Secret":
        return ()
    found = located(effect, objects)
    path, body = found if found else ("", effect.body)
    present = objects(path) if path else None
    before = b"" if present is None else _yaml(same_fields(body, present))
    return _lines(before, _yaml(body))


@diff.register
def _(effect: Create, host: HostReader, objects: Objects) -> tuple[str, ...]:
    if objects(object_path(effect.body)) is not None or effect.body["kind"] == "Secret":
        return ()
    return _lines(b"", _yaml(effect.body))


def same_fields(wanted: Any, present: Any) -> Any:
    """Of `present` what `wanted` speaks about: server-side apply leaves everything else alone.

    The API server does not store fields that say nothing (`false`, empty): they count as there.
    """
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        return {
            key: same_fields(value, present.get(key, value))
            for key, value in wanted.items()
            if key in present or not value
        }
    if isinstance(wanted, list | tuple) and isinstance(present, list) and len(wanted) == len(present):
        return [same_fields(*pair) for pair in zip(wanted, present, strict=True)]
    return present


def _yaml(body: Any) -> bytes:
    return yaml.safe_dump(body, sort_keys=True).encode()


def _lines(before: bytes, after: bytes) -> tuple[str, ...]:
    old, new = (content.decode(errors="replace").splitlines() for content in (before, after))
    return tuple(difflib.unified_diff(old, new, lineterm="", n=CONTEXT))[2:]
