"""Images that objects of an add-on name, in all the places where authors of manifests put them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.images.reference import Reference, parse_reference
from bootstrap.render.addons.kinds import BUILT_IN_GROUPS, DEFINITION, group
from bootstrap.render.cluster.objects import Object
from bootstrap.render.images.mirrors import located

Change = Callable[[str], str]
"""The name that an image gets; called once for each place that names one."""
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_ARGUMENT = re.compile(r"(--?[\w.-]*image[\w.-]*)=(\S+)", re.IGNORECASE)
_ARGUMENT_ALONE = re.compile(r"--?[\w.-]*image[\w.-]*", re.IGNORECASE)
_WORD = re.compile(r"""[^\s,;|&()<>"'`=\[\]{}]+""")
_LINE = re.compile(r"""^(\s*(?:-\s+)?["']?\w*image["']?\s*:\s*["']?)([^\s"',{}]+)""", re.IGNORECASE | re.MULTILINE)
"""`image: x` in a text that is YAML or JSON."""


def with_images(body: Object, change: Change, *, config_maps: bool) -> Object:
    """A copy with other images: of containers, image volumes, `--…image…` arguments, variables named `…IMAGE…`,
    fields of custom resources named `…image`, and of any other words there that have the form of an image's whole name;
    of ConfigMaps only when told, since any text may stand there."""
    if body["kind"] == DEFINITION:
        return body
    if body["kind"] == "ConfigMap" and body["apiVersion"] == "v1":
        return _config_map(body, change) if config_maps else body
    custom = group(body) not in BUILT_IN_GROUPS
    return {key: _below(value, change, custom=custom) for key, value in body.items()}


def asked_for_only_if_absent(value: Any) -> Any:
    """A copy whose containers and image volumes start from an image that is there, without asking a registry for it."""
    if isinstance(value, list):
        return [asked_for_only_if_absent(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: asked_for_only_if_absent(item) for key, item in value.items()}
    for key in _CONTAINERS:
        if isinstance(containers := result.get(key), list):
            result[key] = [_if_absent(c, "image", "imagePullPolicy") for c in containers]
    if isinstance(volume := result.get("image"), Mapping):
        result["image"] = _if_absent(volume, "reference", "pullPolicy")
    return result


def images_of(objects: tuple[Object, ...], *, config_maps: bool) -> tuple[str, ...]:
    """Every image once, under its full name, in the order of the objects."""
    found: dict[str, None] = {}

    def note(name: str) -> str:
        found.setdefault(str(parse_reference(name)))
        return name

    for body in objects:
        with_images(body, note, config_maps=config_maps)
    return tuple(found)


def renamed(mirrors: Mirrors, name: str) -> str:
    """The image's name on the first mirror of its registry, where a rule says that names change; else the same."""
    image = parse_reference(name)
    rule = next((rule for rule in mirrors.rules if rule.registry == image.registry and rule.rename), None)
    if rule is None:
        return name
    first = rule.endpoints[0]
    return str(replace(image, registry=first.server.host, repository=located(first, image.repository)))


def _below(value: Any, change: Change, *, custom: bool) -> Any:
    if isinstance(value, list):
        return [_below(item, change, custom=custom) for item in value]
    if not isinstance(value, Mapping):
        return change(value) if custom and is_evident(value) else value
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key in _CONTAINERS and isinstance(item, list):
            result[key] = [_container(c, change) if isinstance(c, Mapping) else c for c in item]
        elif key == "image" and isinstance(item, Mapping) and isinstance(item.get("reference"), str):
            result[key] = {**item, "reference": _changed(item["reference"], change)}
        elif custom and key.lower().endswith("image") and isinstance(item, str) and _is_tagged(item):
            result[key] = change(item)
        else:
            result[key] = _below(item, change, custom=custom)
    return result


def _container(container: Mapping[str, Any], change: Change) -> dict[str, Any]:
    result = dict(container)
    if isinstance(container.get("image"), str):
        result["image"] = _changed(container["image"], change)
    for key in ("command", "args"):
        if isinstance(container.get(key), list):
            result[key] = _arguments(container[key], change)
    if isinstance(container.get("env"), list):
        result["env"] = [_variable(entry, change) for entry in container["env"]]
    return result


def _if_absent(body: Any, image: str, policy: str) -> Any:
    """Without a policy the API server sets one: Always for the tag latest, which is also that of a name without one."""
    reference = _reference(body.get(image)) if isinstance(body, Mapping) else None
    if reference is None:
        return body
    moves = reference.tag == "latest" and not reference.digest
    return {**body, policy: "IfNotPresent"} if body.get(policy, "Always" if moves else "") == "Always" else body


def _arguments(words: list[Any], change: Change) -> list[Any]:
    """`--x-image=REF`, `--x-image REF`, and whole names of images anywhere in a word."""
    result: list[Any] = []
    before = ""
    for word in words:
        text = word if isinstance(word, str) else ""
        match = _ARGUMENT.fullmatch(text)
        if match and _is_tagged(match[2]):
            result.append(f"{match[1]}={change(match[2])}")
        elif _ARGUMENT_ALONE.fullmatch(before) and _is_tagged(text):
            result.append(change(text))
        else:
            result.append(_within(word, change))
        before = text
    return result


def _variable(entry: Any, change: Change) -> Any:
    if isinstance(entry, Mapping) and "IMAGE" in str(entry.get("name", "")).upper() and _is_tagged(entry.get("value")):
        return {**entry, "value": change(entry["value"])}
    return {**entry, "value": _within(entry["value"], change)} if _has_text(entry) else entry


def _has_text(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("value"), str)


def _within(text: Any, change: Change) -> Any:
    return _WORD.sub(lambda m: change(m[0]) if is_evident(m[0]) else m[0], text) if isinstance(text, str) else text


def _config_map(body: Object, change: Change) -> Object:
    data = body.get("data")
    if not isinstance(data, Mapping):
        return body

    def value_of(key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if "IMAGE" in key.upper() and _is_tagged(value):
            return change(value)
        lines = value.split("\n")
        return "\n".join(_line(line, change) for line in lines)

    return {**body, "data": {key: value_of(key, value) for key, value in data.items()}}


def _line(text: str, change: Change) -> str:
    if not _LINE.match(text):
        return str(_within(text, change))
    return _LINE.sub(lambda m: m[1] + (change(m[2]) if _is_image(m[2]) else m[2]), text)


def _changed(name: str, change: Change) -> str:
    """Where nothing but an image may stand; what is none (a placeholder of somebody's template) is left alone."""
    return change(name) if _is_image(name) else name


def _is_image(text: Any) -> bool:
    return _reference(text) is not None


def _is_tagged(text: Any) -> bool:
    """Where other words may stand, an image is known by its tag or digest."""
    return _is_image(text) and (":" in str(text).rsplit("/", 1)[-1] or "@" in text)


def is_evident(text: Any) -> bool:
    """Whether a word can be nothing but an image: with its registry, and a tag or a digest."""
    registry, slash, _ = text.partition("/") if isinstance(text, str) else ("", "", "")
    return bool(slash) and ("." in registry or ":" in registry or registry == "localhost") and _is_tagged(text)


def _reference(text: Any) -> Reference | None:
    try:
        return parse_reference(text) if isinstance(text, str) else None
    except ValueError:
        return None
