"""Objects in the API: applied as ours, or created once and left to whoever changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.engine.effects.registry import Lines, Objects, changed_lines, register
from bootstrap.engine.objects.answers import Answers
from bootstrap.engine.objects.applied import Applied
from bootstrap.engine.objects.kinds import located
from bootstrap.engine.objects.ownership import fields_of_others, owned_by_us, parsed, taken, value_at, without
from bootstrap.engine.objects.webhooks import unanswered
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import ApiResponse, HostReader
from bootstrap.model.effects import Apply, Create, object_name
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import FieldsKept


def _apply(effect: Apply, context: RunContext, timeout: float) -> str:
    answers = Answers(effect.body)

    def attempt() -> str:
        found = located(effect, lambda path: answers.read(context.api.get(path)))
        if found is None:
            raise NotYet(f"{object_name(effect.body)}: the API server does not serve this kind")
        path, body = found
        if effect.owner:
            body = _owned(body, effect.owner, context)
        before = answers.read(context.api.get(path))
        after = answers.checked(_respectful(context, path, body))
        context.applied.note(path, body, made=before is None or owned_by_us(before))
        return "" if _same(before or {}, after.body) else f"{object_name(body)} applied"

    return _persist(attempt, effect.body, context, timeout)


def _respectful(context: RunContext, path: str, body: Mapping[str, Any]) -> ApiResponse:
    """The answer to an apply that leaves to others what they have changed of it.

    It is taken back where the user says so, or where we have something new to say; but for fields that we leave empty:
    they are for others to fill.
    """
    answer = context.api.apply(body, path, force=False)
    lost = {conflict: parsed(conflict.field, body) for conflict in taken(answer)}
    if not lost:
        return answer
    force = context.takes_back or context.applied.says_something_new(path, body)
    kept = {conflict: field for conflict, field in lost.items() if not force or not value_at(body, field)}
    answer = context.api.apply(without(body, kept.values()), path, force=force)
    if kept and answer.status == 200:
        fields, managers = (
            tuple(dict.fromkeys(words)) for words in zip(*((c.field, c.manager) for c in kept), strict=True)
        )
        empty = not any(value_at(body, field) for field in kept.values())
        context.report(FieldsKept(object_name(body), fields, managers, empty))
    return answer


def _owned(body: Mapping[str, Any], owner: Mapping[str, Any], context: RunContext) -> Mapping[str, Any]:
    """`body` with a reference to its controller `owner`, which is there from now on."""
    answer = context.api.create(owner)
    if answer.status == 409:
        answer = context.api.get(object_path(owner))
    found = Answers(owner).checked(answer).body
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    reference |= {key: found["metadata"][key] for key in ("name", "uid")}
    return {**body, "metadata": {**body["metadata"], "ownerReferences": [reference]}}


def _create(effect: Create, context: RunContext, timeout: float) -> str:
    answers = Answers(effect.body)

    def attempt() -> str:
        answer = context.api.create(effect.body)
        if answer.status == 409:
            return ""
        answers.checked(answer)
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


def _persist(attempt: Callable[[], str], body: Mapping[str, Any], context: RunContext, timeout: float) -> str:
    failed = f"the API server did not take {object_name(body)}"
    try:
        return persist(attempt, context, timeout, failed)
    except BootstrapError as e:
        if e.code == Exit.WAIT and (webhook := unanswered(e.why, context.api)):
            e.why = f"{e.why}; {webhook}"
        raise


def _apply_diff(effect: Apply, host: HostReader, objects: Objects) -> Lines:
    if effect.body["kind"] == "Secret":
        return ()
    found = located(effect, objects)
    path, body = found if found else ("", effect.body)
    present = objects(path) if path else None
    if present is None:
        return changed_lines(b"", _yaml(body))
    anew = Applied(host).says_something_new(path, body)
    ours = body if anew else without(body, fields_of_others(body, present))
    return changed_lines(_yaml(same_fields(ours, present)), _yaml(ours))


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
