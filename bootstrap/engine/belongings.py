"""What others have inside of an object that would go with it: a Namespace's content, the objects of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.engine.objects.ownership import owned_by_us
from bootstrap.host.port import Api

_IN_NAMESPACES = {
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
}
"""What somebody would miss."""
_EVERYWHERE = ("kube-root-ca.crt", "kubernetes")
"""In every namespace, or in that of the API server."""
_MOST = 3


def of_others(path: str, body: Mapping[str, Any], api: Api) -> str:
    """What would be lost with the object at `path`, in words; empty if nothing."""
    if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
        return _words("it holds", _contents(body["metadata"]["name"], api))
    if "/customresourcedefinitions/" in path:
        return _words("there is", _made(body.get("spec") or {}, api))
    return ""


def _contents(namespace: str, api: Api) -> Iterator[str]:
    for kind, listing in _IN_NAMESPACES.items():
        yield from (f"{kind} {name}" for name in _strangers(listing.format(namespace), api))


def _made(spec: Mapping[str, Any], api: Api) -> Iterator[str]:
    """Objects of a kind, by its definition."""
    names, versions = spec.get("names") or {}, spec.get("versions") or ()
    served = next((version["name"] for version in versions if version.get("served")), "")
    listing = f"/apis/{spec.get('group')}/{served}/{names.get('plural')}"
    yield from (f"{names.get('kind')} {name}" for name in _strangers(listing, api))


def _strangers(listing: str, api: Api) -> Iterator[str]:
    """What has no owner that goes before it, and is not ours."""
    for item in api.get(listing).body.get("items") or ():
        metadata = item["metadata"]
        if not metadata.get("ownerReferences") and not owned_by_us(item) and metadata["name"] not in _EVERYWHERE:
            yield metadata["name"]


def _words(begin: str, found: Iterator[str]) -> str:
    names = list(found)
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{begin} {', '.join(names[:_MOST])}{more}, which others made" if names else ""
