"""Flags and feature gates that the programs refuse when they start: unknown, of a wrong type, locked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

from bootstrap.formats.durations import parse_duration
from bootstrap.model.cluster import Arg
from bootstrap.model.components import kinds
from bootstrap.model.components.tables import ETCD, KUBERNETES, flags, gates, required_gates
from bootstrap.model.errors import Problem
from bootstrap.model.names import KUBERNETES_MINOR

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MANY_APIS = ("api/all", "api/ga", "api/beta", "api/alpha")
_CORE = re.compile(r"v\d+")
_RUNTIME = "the container runtime's configuration decides that now"
_GONE = {
    "address": "bind-address is there",
    "cni-bin-dir": _RUNTIME,
    "cni-conf-dir": _RUNTIME,
    "container-runtime": "every runtime is one of CRI now",
    "insecure-bind-address": "there is only the secure port now",
    "insecure-port": "there is only the secure port now",
    "network-plugin": _RUNTIME,
    "pod-infra-container-image": _RUNTIME,
    "port": "secure-port is there",
}
"""Flags that files from older clusters still hold, and what to know."""


def check_args(program: str, args: Iterable[Arg], path: str) -> Iterable[Problem]:
    """What a program would say about these flags when it starts."""
    known = flags(program)
    for i, arg in enumerate(args):
        name = arg.name if program == ETCD else arg.name.replace("_", "-")
        if not name or name.startswith("-"):
            continue
        at = f"{path}[{i}]"
        if name not in known:
            yield Problem(f"{at}.name", unknown_flag(program, arg.name, known))
        elif name == "feature-gates":
            yield from _gates_flag(ETCD if program == ETCD else KUBERNETES, arg.value, f"{at}.value")
        elif name == "runtime-config":
            yield from _runtime_config(arg.value, f"{at}.value")
        elif wanted := wrong_value(known[name], arg.value):
            yield Problem(f"{at}.value", f'{program}\'s {arg.name} is {wanted}, not "{arg.value}"')


def check_gates(owner: str, wanted: Mapping[str, bool], path: str) -> Iterable[Problem]:
    """What refuses to start with these feature gates."""
    known = gates(owner)
    for name, on in wanted.items():
        if name not in known:
            yield Problem(f"{path}.{name}", f"no feature gate of {_owner(owner)}{_near(name, known)}")
        elif known[name].locked and known[name].default != on:
            only = str(known[name].default).lower()
            yield Problem(f"{path}.{name}", f"{_owner(owner)} takes only {only} any more; leave it out")
        elif on and owner == KUBERNETES:
            yield from _required(name, wanted, path)


def unknown_flag(program: str, name: str, known: Iterable[str]) -> str:
    """Why a program does not know a flag, or which one is meant."""
    said = f'{program if program == ETCD else f"{program} {KUBERNETES_MINOR}"} has no flag "{name}"'
    if why := _GONE.get(name):
        return f"{said} any more: {why}; leave it out"
    return said + _near(name, known)


def wrong_value(kind: str, value: str) -> str:
    """What a value of this type must be, empty if it is, or if the type is not one of those that are checked."""
    if kind == "bool":
        return "" if value in (*_TRUE, *_FALSE) else "true or false"
    if re.fullmatch("u?int(32|64)?|Level", kind):
        negative = value.startswith("-") and kind.startswith("u")
        return "" if _INTEGER.fullmatch(value) and not negative else "an integer"
    if kind.startswith("float"):
        return "" if _FLOAT.fullmatch(value) else "a number"
    if kind == "duration":
        return "" if _reads(parse_duration, value) else 'a duration such as "4m0s" or "24h"'
    if kind == "ip":
        return "" if not value or _reads(ip_address, value) else "an IP address"
    return ""


def _gates_flag(owner: str, text: str, path: str) -> Iterable[Problem]:
    """`Name=true,Other=false`, where `kube:` may stand before a name."""
    wanted: dict[str, bool] = {}
    for item in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in item.removeprefix("kube:").partition("="))
        if not equals or value not in (*_TRUE, *_FALSE):
            yield Problem(path, f'"{item}" is not NAME=true or NAME=false')
        else:
            wanted[name] = value in _TRUE
    yield from check_gates(owner, wanted, path)


def _runtime_config(text: str, path: str) -> Iterable[Problem]:
    """`group/version=true`, also of one resource, and words for many of them."""
    for key in (item.partition("=")[0].strip() for item in text.split(",")):
        parts = key.removeprefix("api/").split("/")
        named = parts[0] if _CORE.fullmatch(parts[0]) else "/".join(parts[:2])
        if key and key not in _MANY_APIS and named not in kinds.versions():
            yield Problem(path, f'Kubernetes {KUBERNETES_MINOR} has no API "{named}"{_near(named, kinds.versions())}')


def _required(name: str, wanted: Mapping[str, bool], path: str) -> Iterable[Problem]:
    known = gates(KUBERNETES)
    off = [n for n in required_gates(name) if not wanted.get(n, n in known and known[n].default)]
    if off and not wanted.get("AllAlpha") and not wanted.get("AllBeta"):
        yield Problem(f"{path}.{name}", f"needs {' and '.join(off)} to be true too")


def _owner(owner: str) -> str:
    return {KUBERNETES: f"Kubernetes {KUBERNETES_MINOR}", ETCD: "etcd"}.get(owner, owner)


def _near(name: str, known: Iterable[str]) -> str:
    lowered = {item.lower(): item for item in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    return f'; did you mean "{lowered[near[0]]}"?' if near else ""


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
