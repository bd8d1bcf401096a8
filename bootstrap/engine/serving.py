"""Requests of kubelets for what they serve with: judged, and approved where they may have it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.engine.objects.answers import said
from bootstrap.engine.pods import epoch
from bootstrap.engine.run_context import RunContext
from bootstrap.host.facts.pods import NODES
from bootstrap.host.port import Api, ApiResponse
from bootstrap.model import names
from bootstrap.model.conditions import KubeletSigned
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.serving import REQUESTS, SERVING, Object, approval, is_pending, refusal, shortfall

_CONFLICT = 409


@dataclass(frozen=True)
class Verdict:
    """On one request; `refusal` says why it was left as it is, and is empty for one that was approved."""

    request: str
    node: str
    made: str
    """As the API has it: `2026-01-02T03:04:05Z`."""
    refusal: str


def waiting(api: Api) -> tuple[list[Object], str]:
    """Those that nobody has judged, and the version of the list. Raises BootstrapError (exit 7)."""
    listed = _read(api, SERVING)
    found = [request for request in listed.get("items") or () if is_pending(request)]
    return found, str((listed.get("metadata") or {}).get("resourceVersion", ""))


def judge(api: Api, requests: Sequence[Object], protected: Collection[str], *, dry_run: bool = False) -> list[Verdict]:
    """What may be had is approved, unless `dry_run`. Raises BootstrapError (exit 7)."""
    nodes = _read(api, NODES).get("items") or () if requests else ()
    return [_judged(api, request, nodes, protected, dry_run=dry_run) for request in requests]


def unserved(condition: KubeletSigned, context: RunContext) -> str:
    """Empty where the condition holds, else what was seen instead."""
    node = context.api.get(f"{NODES}/{condition.node}").found or {}
    conditions = (node.get("status") or {}).get("conditions") or ()
    heard = next((each["lastHeartbeatTime"] for each in conditions if each["type"] == "Ready"), "")
    if not heard or epoch(heard) < condition.since:
        return "the node has not reported since the boot"
    return shortfall(context.host.read(condition.path), node, time.time())


def _judged(
    api: Api, request: Object, nodes: Iterable[Object], protected: Collection[str], *, dry_run: bool
) -> Verdict:
    why = refusal(request, nodes, protected)
    if not (why or dry_run):
        answer = api.merge(approval(request), f"{REQUESTS}/{request['metadata']['name']}/approval")
        if answer.status not in (200, _CONFLICT):  # another control plane may have been earlier
            raise _refused(answer)
    node = str(request["spec"].get("username")).removeprefix(names.NODE_USER)
    return Verdict(request["metadata"]["name"], node, request["metadata"].get("creationTimestamp", ""), why)


def _read(api: Api, path: str) -> dict[str, Any]:
    answer = api.get(path)
    if answer.status != 200:
        raise _refused(answer)
    return dict(answer.body)


def _refused(answer: ApiResponse) -> BootstrapError:
    return BootstrapError(
        "the API server refused what requests of kubelets need",
        code=Exit.API,
        why=said(answer),
        fix="give an administrator's kubeconfig: bootstrap certs approve --kubeconfig FILE",
    )
