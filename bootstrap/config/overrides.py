"""Flags over the file: each writes into the document that its field belongs to (`model.flags`)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.config.loader import OWN_KIND, Documents
from bootstrap.formats.durations import parse_duration
from bootstrap.model.cluster import BootstrapConfig, Document
from bootstrap.model.encryption import Encryption
from bootstrap.model.errors import Problem
from bootstrap.model.flags import CONFIGURATION, INIT, writing
from bootstrap.model.virtual_address import VirtualAddress

_KNOWN = {flag.key for flag in CONFIGURATION}


class Overrides:
    """The flags that were given, by their names in Python; None is the same as not given."""

    def __init__(self, **given: Any) -> None:
        if unknown := given.keys() - _KNOWN:
            raise TypeError(f"no flag writes {', '.join(sorted(unknown))}")
        self._given = {key: value for key, value in given.items() if value is not None}

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def get(self, key: str, default: Any = None) -> Any:
        return self._given.get(key, default)


def apply(documents: Documents, overrides: Overrides, verb: str = INIT) -> tuple[Documents, Mapping[str, str]]:
    """The documents with the flags written in, and which path came from which flag (`--pod-network-cidr`)."""
    upstream: dict[str, Any] = copy.deepcopy(dict(documents.upstream))
    ours = dict(vars(documents.own or BootstrapConfig()))
    problems, origins = list(documents.problems), dict[str, str]()
    for flag in (flag for flag in writing(verb) if flag.key in overrides):
        path = flag.writes[verb]
        try:
            value = _READ.get(flag.form, _as_it_is)(overrides.get(flag.key))
        except ValueError as error:
            problems.append(Problem(flag.shown, str(error)))
            continue
        in_ours = path.startswith(OWN_KIND)
        holder, name = ours if in_ours else _parent(upstream, path), path.rpartition(".")[2]
        name = _in_python(name) if in_ours else name
        if flag.adds:
            value, added = _added(holder.get(name), value)
            origins |= {f"{path}[{i}]": flag.shown for i in added}
        else:
            origins[path] = flag.shown
        if isinstance(value, VirtualAddress) and isinstance(before := holder.get(name), VirtualAddress):
            value = before.placed_as(value)
        holder.pop(flag.instead_of, None)
        holder[name] = list(value) if isinstance(value, tuple) and not in_ours else value
    own = BootstrapConfig(**ours)
    written = documents.own is not None or own != BootstrapConfig()
    return Documents(upstream, own if written else None, tuple(problems), documents.warnings), origins


def _added(before: Any, value: Any) -> tuple[Any, range]:
    """What is there with what is new at its end, and where the new items are."""
    already = tuple(before or ())
    more = tuple(item for item in value if item not in already)
    return (*already, *more), range(len(already), len(already) + len(more))


def _in_python(name: str) -> str:
    """`controlPlaneVIP` → `control_plane_vip`: what a field of ours is called in the model."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _parent(upstream: dict[str, Any], path: str) -> dict[str, Any]:
    """The mapping that holds the field, made if it is not there; `[0]` is the first of a list."""
    target: Any = upstream
    for word in path.split(".")[:-1]:
        key, first, _ = word.partition("[")
        target = target.setdefault(key, [] if first else {})
        if first:
            target = target[0] if target else target.append({}) or target[0]
    mapping: dict[str, Any] = target
    return mapping


def _as_it_is(value: Any) -> Any:
    return value


def _commas(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(item for item in value.split(",") if item) if isinstance(value, str) else value


def _gates(text: str) -> Document:
    gates: dict[str, bool] = {}
    for item in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or value.lower() not in ("true", "false"):
            raise ValueError(f'"{item}" is not NAME=true or NAME=false')
        gates[name] = value.lower() == "true"
    return gates


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _vip(text: str) -> VirtualAddress:
    address, _, interface = text.partition("/")
    if interface.isdecimal():
        raise ValueError(f'"{text}" has a prefix; write the address alone, or ADDRESS/INTERFACE')
    return VirtualAddress(address, interface)


def _encryption(text: str) -> Encryption:
    provider, _, socket = text.partition("=")
    return Encryption(provider, f"unix://{socket}" if socket.startswith("/") else socket)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "commas": _commas,
    "many": tuple,
    "gates": _gates,
    "duration": _duration,
    "vip": _vip,
    "encryption": _encryption,
}
"""Form of a flag → how its value is read; raises ValueError."""
