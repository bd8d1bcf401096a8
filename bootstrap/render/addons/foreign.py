"""An add-on made from somebody else's manifest, fitted to this cluster."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from bootstrap.model import names
from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import Runtime, runtime_at
from bootstrap.render.addons.kinds import DEFINITION
from bootstrap.render.addons.manifest import read_manifest
from bootstrap.render.addons.manifest_images import asked_for_only_if_absent, images_of, renamed, with_images
from bootstrap.render.addons.namespaces import in_namespace
from bootstrap.render.addons.recipes import with_values
from bootstrap.render.cluster.objects import Object

FOLDER = f"{names.STATE_DIR}/addons"
"""The manifests of the add-ons that are applied here, as they came."""
_USUAL = Runtime(socket="")
"""Where manifests expect the runtime's network files."""


def objects_of(addon: Addon, cfg: ClusterConfig, facts: HostFacts, brought: bool = False) -> tuple[Object, ...]:
    """Its objects as they are applied; `brought` is whether its images come before its Pods.

    Raises BootstrapError (exit 3) when the manifest cannot be used.
    """
    objects = tuple(map(with_data, in_namespace(read_manifest(addon.name, addon.files).objects, addon.namespace)))
    runtime = runtime_at(cfg.node.cri_socket, facts.mode)
    if addon.recipe:
        objects = with_values(objects, addon.recipe, cfg, runtime)
    moved = _moved(runtime)
    if addon.cni and moved:
        objects = tuple(_with_paths(body, moved) for body in objects)

    def change(name: str) -> str:
        return renamed(cfg.own.mirrors, name)

    if brought:
        objects = tuple(body if body["kind"] == DEFINITION else asked_for_only_if_absent(body) for body in objects)
    return tuple(with_images(body, change, config_maps=in_config_maps(addon, cfg)) for body in objects)


def with_data(body: Object) -> Object:
    """A Secret with its `stringData` as `data`, which the API server makes of it: so it is known whose each key is."""
    texts = body.get("stringData")
    if body["kind"] != "Secret" or body["apiVersion"] != "v1" or not isinstance(texts, dict):
        return body
    encoded = {key: b64encode(str(text).encode()).decode() for key, text in texts.items()}
    rest = {key: value for key, value in body.items() if key != "stringData"}
    return {**rest, "data": {**(body.get("data") or {}), **encoded}}


def addon_images(addon: Addon, cfg: ClusterConfig, facts: HostFacts) -> tuple[str, ...]:
    """Every image that its Pods will ask for, under its full name."""
    return images_of(objects_of(addon, cfg, facts), config_maps=in_config_maps(addon, cfg))


def kept(addon: Addon) -> File:
    """The manifest as it came: a later run needs no network for it. It may hold Secrets."""
    return File(kept_path(addon.name), addon.content, 0o600, secret=True)


def kept_path(name: str) -> str:
    """Where the manifest of an add-on is kept."""
    return f"{FOLDER}/{name}.yaml"


def in_config_maps(addon: Addon, cfg: ClusterConfig) -> bool:
    """Whether its ConfigMaps are searched for images."""
    return cfg.own.images_in_config_maps or bool(addon.recipe and addon.recipe.config_map_images)


def _moved(runtime: Runtime) -> dict[str, str]:
    """Usual directory → the runtime's own, where they differ."""
    pairs = ((_USUAL.cni_bin, runtime.cni_bin), (_USUAL.cni_conf, runtime.cni_conf))
    return {old: new for old, new in pairs if old != new}


def _with_paths(value: Any, moved: Mapping[str, str]) -> Any:
    """Volumes of the host's network directories, and variables that hold such a path of the host."""
    if isinstance(value, list):
        return [_with_paths(item, moved) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: _with_paths(item, moved) for key, item in value.items()}
    if isinstance(host_path := result.get("hostPath"), dict) and isinstance(host_path.get("path"), str):
        result["hostPath"] = {**host_path, "path": _elsewhere(host_path["path"], moved)}
    if isinstance(result.get("env"), list) and "image" in result:
        result["env"] = _environment(result, moved)
    return result


def _environment(container: Mapping[str, Any], moved: Mapping[str, str]) -> list[Any]:
    """A path below which the container itself has mounted something is its own, any other the host's."""
    mounts = [mount.get("mountPath", "").rstrip("/") + "/" for mount in container.get("volumeMounts", ())]

    def is_hosts(entry: Mapping[str, Any]) -> bool:
        value = entry.get("value")
        return isinstance(value, str) and "CNI" in entry["name"] and not f"{value}/".startswith(tuple(mounts))

    return [
        {**entry, "value": _elsewhere(entry["value"], moved)} if is_hosts(entry) else entry
        for entry in container["env"]
    ]


def _elsewhere(path: str, moved: Mapping[str, str]) -> str:
    for old, new in moved.items():
        if path.rstrip("/") == old or path.startswith(f"{old}/"):
            return new + path[len(old) :]
    return path
