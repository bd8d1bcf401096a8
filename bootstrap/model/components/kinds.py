"""Which kinds the API server of this minor serves by itself, and which ones older servers had."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from bootstrap.model.components.tables import recorded

State = Literal["served", "off", "gone", "unknown", "foreign"]
"""off: served only after the API server's runtime-config names it. unknown: of a built-in group, and never heard of.
foreign: the group is none of Kubernetes' own; a CustomResourceDefinition or an aggregated API may have it."""

_NO_PSP = "labels of Namespaces (pod-security.kubernetes.io/enforce: …) in its place; leave the object out"
_FORGOTTEN = {
    ("policy/v1beta1", "PodSecurityPolicy"): ("1.25", _NO_PSP),
    ("extensions/v1beta1", "PodSecurityPolicy"): (
        "1.16",
        _NO_PSP,
    ),
    ("extensions/v1beta1", "ThirdPartyResource"): ("1.8", "apiextensions.k8s.io/v1 CustomResourceDefinition"),
    ("extensions/v1beta1", "Job"): ("1.6", "batch/v1 Job"),
    ("batch/v2alpha1", "CronJob"): ("1.21", "batch/v1 CronJob"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): ("1.25", "autoscaling/v2 HorizontalPodAutoscaler"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): ("1.26", "autoscaling/v2 HorizontalPodAutoscaler"),
    ("settings.k8s.io/v1alpha1", "PodPreset"): ("1.20", "a mutating admission policy"),
    ("auditregistration.k8s.io/v1alpha1", "AuditSink"): ("1.19", "the API server's audit-webhook-config-file"),
    ("admissionregistration.k8s.io/v1alpha1", "InitializerConfiguration"): ("1.14", "a mutating webhook"),
}
"""Kinds that the binary no longer knows at all: since when they are gone, and what is there for them."""


@dataclass(frozen=True)
class Kind:
    state: State
    since: str = ""
    """The first minor without a kind that is gone; empty when that is not known."""
    instead: str = ""
    """`apiVersion Kind`, or words; empty if there is nothing."""


@cache
def groups() -> frozenset[str]:
    """Those that Kubernetes itself has, or had."""
    return frozenset(_group(v) for v in versions())


def look_up(api_version: str, kind: str) -> Kind:
    """What this minor's API server makes of an object of this kind."""
    if kind in recorded.SERVED.get(api_version, "").split():
        return Kind("served")
    if kind in recorded.OFF.get(api_version, "").split():
        return Kind("off", instead=_served_as(api_version, kind))
    for since, kinds in recorded.GONE.get(api_version, {}).items():
        if kind in kinds.split():
            return Kind("gone", since, _served_as(api_version, kind))
    if (api_version, kind) in _FORGOTTEN:
        return Kind("gone", *_FORGOTTEN[api_version, kind])
    group = _group(api_version)
    return Kind("unknown", instead=_served_as(api_version, kind)) if group in groups() else Kind("foreign")


@cache
def versions() -> frozenset[str]:
    """Groups with their versions that the API server's runtime-config may name: it does not start with others."""
    return frozenset((*recorded.SERVED, *recorded.OFF, *recorded.GONE))


def _served_as(api_version: str, kind: str) -> str:
    """Where a kind of this name is served: in the same group if it is there, and in the newest version."""
    found = [v for v, kinds in recorded.SERVED.items() if kind in kinds.split()]
    own = [v for v in found if _group(v) == _group(api_version)]
    chosen = max(own or found, default="")
    return f"{chosen} {kind}" if chosen else ""


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
