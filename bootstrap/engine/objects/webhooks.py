"""A webhook that does not answer: which one, and the Service and Pod that should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.host.port import Api

_CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"


def unanswered(words: str, api: Api) -> str:
    """What is behind the webhook that the API server's words name; empty where they name none of the cluster's."""
    try:
        for kind in ("validating", "mutating"):
            for hook, configuration in _webhooks(api, kind):
                if f'"{hook.get("name")}"' in words:
                    return f"webhook {hook['name']} ({configuration}) {_asked(hook, api)}"
    except ConnectionError:
        return ""
    return ""


def _webhooks(api: Api, kind: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for item in api.get(_CONFIGURATIONS.format(kind)).body.get("items") or ():
        for hook in item.get("webhooks") or ():
            yield hook, item["metadata"]["name"]


def _asked(hook: Mapping[str, Any], api: Api) -> str:
    service = hook.get("clientConfig", {}).get("service")
    if not service:
        return f"asks {hook.get('clientConfig', {}).get('url', 'nobody')}"
    place = f"/api/v1/namespaces/{service['namespace']}"
    named = f"asks Service {service['namespace']}/{service['name']}"
    found = api.get(f"{place}/services/{service['name']}").found
    if found is None:
        return f"{named}, which is not there"
    labels = found.get("spec", {}).get("selector") or {}
    query = "%2C".join(f"{key}%3D{value}" for key, value in labels.items())
    pods = api.get(f"{place}/pods?labelSelector={query}").body.get("items") or ()
    return f"{named}, {', '.join(map(_state, pods)) or 'which no Pod stands behind'}"


def _state(pod: Mapping[str, Any]) -> str:
    status = pod.get("status", {})
    waiting = [
        state
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
        if (state := (container.get("state") or {}).get("waiting"))
    ]
    reason = waiting[0].get("reason", "") if waiting else _not_ready(status)
    return f"Pod {pod['metadata']['name']} is {status.get('phase', 'unknown')}{f' ({reason})' if reason else ''}"


def _not_ready(status: Mapping[str, Any]) -> str:
    ready: Mapping[str, Any] = next((c for c in status.get("conditions") or () if c.get("status") != "True"), {})
    return str(ready.get("reason") or "")
