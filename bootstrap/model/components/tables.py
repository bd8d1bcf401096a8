"""Flags and feature gates of the minor that this program installs, by program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from bootstrap.model.release import KUBERNETES_MINOR

KUBERNETES, KUBEADM, ETCD = "kubernetes", "kubeadm", "etcd"
"""Whose gates: all programs of Kubernetes share theirs."""

recorded: Any = import_module(f"bootstrap.model.components.v{KUBERNETES_MINOR.replace('.', '_')}")


@dataclass(frozen=True)
class Gate:
    stage: str
    """alpha, beta, ga or deprecated."""
    default: bool
    locked: bool
    """Only the default is taken."""


@cache
def flags(program: str) -> Mapping[str, str]:
    """Name → type of every flag of a program."""
    return {name: kind for kind, names in recorded.FLAGS[program].items() for name in names.split()}


@cache
def gates(owner: str) -> Mapping[str, Gate]:
    """Name → gate, AllAlpha and AllBeta among them."""
    return {
        name: Gate(key.split()[0], "on" in key.split(), "locked" in key.split())
        for key, names in recorded.GATES[owner].items()
        for name in names.split()
    }


def required_gates(gate: str) -> tuple[str, ...]:
    """The gates of Kubernetes that have to be on when `gate` is."""
    return tuple(recorded.REQUIRED.get(gate, "").split())
