"""The table of recipes (manifests/recipes.yaml), and the values that a recipe sets in the objects of its add-on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from string import Template
from typing import Any

from bootstrap.formats.yaml_reader import parse_one
from bootstrap.model.addon import Recipe
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import Runtime
from bootstrap.render.addresses import split_endpoint
from bootstrap.render.cluster.objects import Object
from bootstrap.render.node.kubelet import verified

TABLE = "recipes.yaml"


def recipes(manifests: Mapping[str, str]) -> dict[str, Recipe]:
    """All recipes by name, in the table's order."""
    return {name: _recipe(name, body) for name, body in parse_one(manifests[TABLE]).items()}


def recipe_of(manifests: Mapping[str, str], name: str) -> Recipe:
    """Raises BootstrapError (exit 3): there is none, or upstream has ended it."""
    table = recipes(manifests)
    recipe = table.get(name)
    if recipe is None:
        near = difflib.get_close_matches(name, table, n=1)
        raise BootstrapError(
            f"there is no recipe called {name}" + (f"; did you mean {near[0]}?" if near else ""),
            code=Exit.CONFIG,
            fix=f"one of: {', '.join(n for n, r in table.items() if not r.gone)}; or a file's path, or a URL",
        )
    if recipe.gone:
        raise BootstrapError(f"{name} cannot be installed by name", code=Exit.CONFIG, why=recipe.gone)
    return recipe


def with_values(
    objects: tuple[Object, ...], recipe: Recipe, cfg: ClusterConfig, runtime: Runtime
) -> tuple[Object, ...]:
    """The objects with the recipe's values in them. Raises BootstrapError (exit 3) where a value finds no place."""
    host, port = split_endpoint(cfg.endpoint)
    filled = _filled(
        [value for value in recipe.values if not (value.get("unverified") and verified(cfg))],
        {
            "POD_CIDR": cfg.cluster.networking.pod_subnet,
            "SERVICE_CIDR": cfg.cluster.networking.service_subnet,
            "API_HOST": host,
            "API_PORT": port,
            "CNI_CONF": runtime.cni_conf,
        },
    )
    result = list(objects)
    for value in filled:
        places = [i for i, body in enumerate(result) if _is(body, value)]
        changed = _set(result[places[0]], value) if places else None
        if changed is None:
            raise BootstrapError(
                f"the recipe {recipe.name} does not fit this manifest",
                code=Exit.CONFIG,
                why=f"it sets a value in {value['kind']} {value['name']}, and finds no place for it there",
                fix=f"give the manifest of {recipe.version}, or another name than {recipe.name} for this one",
            )
        result[places[0]] = changed
    return tuple(result)


def _recipe(name: str, body: Mapping[str, Any]) -> Recipe:
    return Recipe(
        name,
        title=body["title"],
        version=body.get("version", ""),
        url=body.get("url", ""),
        sha256=body.get("sha256", ""),
        cni=body.get("cni", False),
        notes=body.get("notes", ""),
        gone=body.get("gone", ""),
        config_map_images=body.get("configMapImages", False),
        values=tuple(body.get("set", ())),
    )


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return Template(value).substitute(values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value


def _is(body: Object, value: Mapping[str, Any]) -> bool:
    return bool(body["kind"] == value["kind"] and body["metadata"]["name"] == value["name"])


def _set(body: Object, value: Mapping[str, Any]) -> Object | None:
    """The object with one value set; None where there is no place for it."""
    if "replace" in value:
        return _replaced(body, value["replace"])
    if "annotations" in value:
        meta = body["metadata"]
        return {**body, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), **value["annotations"]}}}
    pod = body["spec"]["template"]["spec"]
    groups = {key: pod[key] for key in ("initContainers", "containers") if key in pod}
    if not any(c["name"] == value["container"] for containers in groups.values() for c in containers):
        return None
    changed = {
        key: [_extended(c, value) if c["name"] == value["container"] else c for c in containers]
        for key, containers in groups.items()
    }
    template = {**body["spec"]["template"], "spec": {**pod, **changed}}
    return {**body, "spec": {**body["spec"], "template": template}}


def _extended(container: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(container)
    if env := value.get("env"):
        kept = [entry for entry in container.get("env", []) if entry["name"] not in env]
        result["env"] = [*kept, *({"name": name, "value": text} for name, text in env.items())]
    if args := value.get("args"):
        present = container.get("args", [])
        result["args"] = [*present, *(word for word in args if word not in present)]
    return result


def _replaced(body: Object, texts: Mapping[str, str]) -> Object | None:
    data = dict(body.get("data", {}))
    for old, new in texts.items():
        if not any(old in text for text in data.values()):
            return None
        data = {key: text.replace(old, new) for key, text in data.items()}
    return {**body, "data": data}
