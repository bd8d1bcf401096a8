"""Command lines of components, by kubeadm's rule for defaults and the user's extraArgs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.model.cluster import Arg


def command_line(defaults: Mapping[str, str], extra: tuple[Arg, ...]) -> list[str]:
    """Defaults sorted by name, without those the user set; then the user's, in the user's order and number."""
    replaced = {arg.name for arg in extra}
    base = [f"--{name}={value}" for name, value in sorted(defaults.items()) if name not in replaced]
    return base + [f"--{arg.name}={arg.value}" for arg in extra]


def last_value(extra: tuple[Arg, ...], name: str, default: str) -> str:
    """The value that wins: the user's last one, else `default`."""
    return next((arg.value for arg in reversed(extra) if arg.name == name), default)


def port(value: str, default: int) -> int:
    """A flag's port, 0 for none; what is no number is for the component to refuse."""
    return int(value) if value.isdecimal() else default


def flags_of(pod: Mapping[str, Any]) -> dict[str, str]:
    """What the only container of a static Pod is started with, by name; the last value of each counts."""
    command = pod["spec"]["containers"][0]["command"]
    pairs = (word.lstrip("-").partition("=") for word in command if word.startswith("-"))
    return {name: value for name, _, value in pairs}
