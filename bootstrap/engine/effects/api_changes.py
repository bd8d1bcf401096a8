"""Objects and taints of ours that are not wanted any more; what others put there stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.engine.belongings import of_others
from bootstrap.engine.effects.files import make_parent
from bootstrap.engine.effects.registry import UNCHANGED, register
from bootstrap.engine.objects.answers import Answers
from bootstrap.engine.objects.kinds import located
from bootstrap.engine.objects.ownership import owned_by_us
from bootstrap.engine.polling import NotYet, persist
from bootstrap.engine.run_context import RunContext
from bootstrap.host.kube_client import object_path
from bootstrap.host.port import HostReader
from bootstrap.model.cluster import Taint
from bootstrap.model.effects import NodeTaints, ObjectGone, object_name
from bootstrap.model.events import ObjectLeft
from bootstrap.model.journal_entry import PATH


def _gone(effect: ObjectGone, context: RunContext, timeout: float) -> str:
    answers, deleted = Answers(effect.body), [""]

    def attempt() -> str:
        place = located(effect, lambda path: answers.read(context.api.get(path)))
        found = answers.read(context.api.get(place[0])) if place else None
        if place is None or found is None or not _is_ours(place[0], found, context):
            return deleted[0]
        path, name = place[0], object_name(place[1])
        if "deletionTimestamp" not in found["metadata"]:
            if why := of_others(path, found, context.api):
                context.report(ObjectLeft(name, why))
                return ""
            answer = context.api.delete(path)
            if answer.status not in (202, 404):
                answers.checked(answer)
            context.applied.forget(path)
        deleted[0] = f"{name} deleted"
        raise NotYet(f"{name} is not gone yet: {_holding(found)}")

    return persist(attempt, context, timeout, f"the API server did not delete {object_name(effect.body)}")


def _is_ours(path: str, found: Mapping[str, Any], context: RunContext) -> bool:
    """The record knows; where it is silent, the fields do, but for an object that has none."""
    made = context.applied.made(path)
    return owned_by_us(found) if made is None else made


def _holding(body: Mapping[str, Any]) -> str:
    """What has to be done before it goes."""
    waiting = body["metadata"].get("finalizers") or (body.get("spec") or {}).get("finalizers") or ()
    return f"finalizers {', '.join(waiting)}" if waiting else "it ends"


def _taints(effect: NodeTaints, context: RunContext, timeout: float) -> str:
    given, wanted = context.host.read(effect.record), _text(effect.taints)
    if given == wanted:
        return ""
    changed = ""
    if given is not None:
        former = {_place(line.partition(":")[0].partition("=")[0], line.rpartition(":")[2]) for line in _lines(given)}
        changed = persist(
            lambda: _retaint(effect, former, context), context, timeout, f"{_named(effect)} did not change"
        )
    context.journal.note(PATH, effect.record)
    make_parent(context.host, effect.record)
    context.host.write(effect.record, wanted, 0o600)
    return changed


def _retaint(effect: NodeTaints, former: set[tuple[str, str]], context: RunContext) -> str:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": effect.node}}
    answers = Answers(node)
    found = answers.checked(context.api.get(object_path(node))).body
    before = found.get("spec", {}).get("taints", [])
    ours = former | {_place(taint.key, taint.effect) for taint in effect.taints}
    kept = [taint for taint in before if _place(taint["key"], taint["effect"]) not in ours]
    after = [*kept, *(taint.document for taint in effect.taints)]
    if after == before:
        return ""
    version = found["metadata"]["resourceVersion"]
    body = {**node, "metadata": {"name": effect.node, "resourceVersion": version}, "spec": {"taints": after}}
    answers.checked(context.api.merge(body))
    return f"{_named(effect)}: {', '.join(map(str, effect.taints)) or 'none'}"


def _named(effect: NodeTaints) -> str:
    return f"taints of node {effect.node}"


def _place(key: str, effect: str) -> tuple[str, str]:
    """A node has one taint of a key and an effect."""
    return key, effect


def _text(taints: Iterable[Taint]) -> bytes:
    return "".join(f"{taint}\n" for taint in taints).encode()


def _lines(content: bytes) -> list[str]:
    return content.decode().splitlines()


def _describe(effect: NodeTaints, host: HostReader) -> str:
    given = host.read(effect.record)
    change = UNCHANGED if given in (None, _text(effect.taints)) else ", ".join(map(str, effect.taints)) or "none"
    return f"{_named(effect)}: {change}"


register(
    ObjectGone,
    apply=_gone,
    describe=lambda effect, host: f"delete {object_name(effect.body)} if it is ours",
)
register(NodeTaints, apply=_taints, describe=_describe)
