"""Objects in the API: applied as ours, or created once and left to whoever changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.engine.effects.registry import Lines, Objects, changed_lines, register
from bootstrap.engine.kinds import located
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import ApiResponse, HostReader
from bootstrap.model.effects import Apply, Create, object_name
from bootstrap.model.errors import BootstrapError, Exit


def _apply(effect: Apply, context: RunContext, timeout: float) -> str:
    def attempt() -> str:
        found = located(effect, lambda path: context.api.get(path).found)
        if found is None:
            raise NotYet(f"{object_name(effect.body)}: the API server does not serve this kind")
        path, body = found
        if effect.owner:
            body = _owned(body, effect.owner, context)
        before = context.api.get(path)
        after = checked(context.api.apply(body, path), body)
        return "" if _same(before.body, after.body) else f"{object_name(body)} applied"

    return _persist(attempt, effect.body, context, timeout)


def _owned(body: Mapping[str, Any], owner: Mapping[str, Any], context: RunContext) -> Mapping[str, Any]:
    """`body` with a reference to its controller `owner`, which is there from now on."""
    answer = context.api.create(owner)
    if answer.status == 409:
        answer = context.api.get(object_path(owner))
    found = checked(answer, owner).body
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    reference |= {key: found["metadata"][key] for key in ("name", "uid")}
    return {**body, "metadata": {**body["metadata"], "ownerReferences": [reference]}}


def _create(effect: Create, context: RunContext, timeout: float) -> str:
    def attempt() -> str:
        answer = context.api.create(effect.body)
        if answer.status == 409:
            return ""
        checked(answer, effect.body)
        return f"{object_name(effect.body)} created"

    return _persist(attempt, effect.body, context, timeout)


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an object says the same: who owns its fields and what its controller reports do not count.

    A second apply gives up the fields that the API server itself filled in at the first (the label of a Namespace).
    """
    return _said(before) == _said(after)


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in ("resourceVersion", "managedFields")}
    return {**body, "metadata": metadata, "status": None}


def checked(answer: ApiResponse, body: Mapping[str, Any]) -> ApiResponse:
    """Raises NotYet for what passes by itself, BootstrapError (exit 7) for what does not."""
    if answer.status in (200, 201):
        return answer
    message = str(answer.body.get("message") or answer.text[:300])
    if answer.status in (403, 404, 409, 429) or answer.status >= 500:
        raise NotYet(f"{object_name(body)}: {message}")
    raise BootstrapError(f"the API server refused {object_name(body)}", code=Exit.API, details=(message,))


def _persist(attempt: Callable[[], str], body: Mapping[str, Any], context: RunContext, timeout: float) -> str:
    failed = f"the API server did not take {object_name(body)}"
    return persist(attempt, context, timeout, failed)


def _apply_diff(effect: Apply, host: HostReader, objects: Objects) -> Lines:
    if effect.body["kind"] == "Secret":
        return ()
    found = located(effect, objects)
    path, body = found if found else ("", effect.body)
    present = objects(path) if path else None
    before = b"" if present is None else _yaml(same_fields(body, present))
    return changed_lines(before, _yaml(body))


def _create_diff(effect: Create, host: HostReader, objects: Objects) -> Lines:
    if objects(object_path(effect.body)) is not None or effect.body["kind"] == "Secret":
        return ()
    return changed_lines(b"", _yaml(effect.body))


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
    return to_yaml(body).encode()


register(Apply, apply=_apply, describe=lambda effect, host: f"apply {object_name(effect.body)}", diff=_apply_diff)
register(
    Create,
    apply=_create,
    describe=lambda effect, host: f"create {object_name(effect.body)} if absent",
    diff=_create_diff,
)
