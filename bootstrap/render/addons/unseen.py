"""Images of add-ons that a search of their manifests cannot find, or was not told to: what is known of them is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.render.addons.foreign import in_config_maps, objects_of
from bootstrap.render.addons.kinds import group
from bootstrap.render.addons.manifest_images import images_of
from bootstrap.render.cluster.objects import Object

_STARTED = {
    *("pods", "deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"),
    "*",
}
_MAKES = {"create", "*"}


def unseen(addons: tuple[Addon, ...], cfg: ClusterConfig, facts: HostFacts) -> tuple[str, ...]:
    """One line for each ConfigMap that is not searched and names images, and for each right to start Pods."""
    return tuple(
        f"{addon.name}: {line}"
        for addon in addons
        for body in objects_of(addon, cfg, facts)
        if (line := _config_map(body) if not in_config_maps(addon, cfg) else "") or (line := _operator(body))
    )


def _config_map(body: Object) -> str:
    if body["kind"] != "ConfigMap":
        return ""
    found = images_of((body,), config_maps=True)
    return (
        f"ConfigMap {body['metadata']['name']} names {', '.join(found)}: left out; imagesInConfigMaps: true takes them"
        if found
        else ""
    )


def _operator(body: Object) -> str:
    if body["kind"] not in ("ClusterRole", "Role") or group(body) != "rbac.authorization.k8s.io":
        return ""
    started = sorted({word for rule in body.get("rules") or () for word in _may_start(rule)})
    if not started:
        return ""
    what = "anything" if "*" in started else ", ".join(started)
    return (
        f"{body['kind']} {body['metadata']['name']} lets its programs make {what}: "
        "images of Pods that they start are not in the manifest"
    )


def _may_start(rule: Any) -> set[str]:
    if not isinstance(rule, Mapping) or not _MAKES & set(rule.get("verbs") or ()):
        return set()
    groups = set(rule.get("apiGroups") or ())
    return _STARTED & set(rule.get("resources") or ()) if groups & {"", "apps", "batch", "*"} else set()
