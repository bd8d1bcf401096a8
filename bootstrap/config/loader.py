"""Configuration files: which documents they hold, and whether their form is right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.config.schema import checked
from bootstrap.config.schema.fields import KINDS, fields_of
from bootstrap.formats import yaml_reader
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig, Document
from bootstrap.model.errors import Problem, config_error

OWN_VERSION = "bootstrap/v1alpha1"
OWN_KIND = "BootstrapConfiguration"

_LAST_READER = {
    "v1alpha1": "v1.11",
    "v1alpha2": "v1.12",
    "v1alpha3": "v1.14",
    "v1beta1": "v1.15",
    "v1beta2": "v1.22",
    "v1beta3": "v1.36",
}
"""Old kubeadm API version → the last kubeadm that reads it."""


@dataclass(frozen=True)
class Documents:
    """What a file says, by kind, without the parts that `problems` complains about.

    The problems are not raised at once: `resolve` and `validate` add those of the values and raise all together.
    """

    upstream: Mapping[str, Document] = field(default_factory=dict)
    own: BootstrapConfig | None = None
    problems: tuple[Problem, ...] = ()

    def get(self, kind: str) -> Document:
        """The document of an upstream kind; empty if there is none."""
        return self.upstream.get(kind, {})


def load(text: bytes) -> Documents:
    """Reads a file's text; raises only if it cannot be read as YAML."""
    try:
        return load_values(yaml_reader.parse(text))
    except yaml_reader.UnreadableError as error:
        raise config_error((error.problem,)) from None


def load_values(values: Sequence[Any], minor: str = names.KUBERNETES_MINOR) -> Documents:
    """The documents of a file, each a plain value, by the field tables of `minor`."""
    upstream: dict[str, Document] = {}
    own: BootstrapConfig | None = None
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, value in enumerate(values, 1):
        kind = _recognised(value, number, problems)
        if kind in seen:
            problems.append(Problem(kind, "there are two documents of this kind"))
        elif kind == OWN_KIND:
            own = _own(value, problems)
        elif kind:
            upstream[kind] = _upstream(kind, value, minor, problems)
        seen.add(kind)
    if not values:
        problems.append(Problem("", "the file holds no document"))
    return Documents(upstream, own, tuple(problems))


def _recognised(value: Any, number: int, problems: list[Problem]) -> str:
    """The kind of a document, or empty (and a problem) if it is not one of those accepted."""
    place = f"document {number}"
    if not isinstance(value, dict) or not value.get("apiVersion") or not value.get("kind"):
        problems.append(Problem(place, "a document is a mapping with apiVersion and kind"))
        return ""
    version, kind = str(value["apiVersion"]), str(value["kind"])
    wanted = {k: v for k, (v, _) in KINDS.items()} | {OWN_KIND: OWN_VERSION}
    group, _, short = version.partition("/")
    if group == "kubeadm.k8s.io" and short in _LAST_READER:
        problems.append(
            Problem(
                kind,
                (
                    f"{version} is too old; convert the file with kubeadm {_LAST_READER[short]}: "
                    "kubeadm config migrate --old-config FILE --new-config NEW"
                ),
            )
        )
    elif kind not in wanted:
        near = difflib.get_close_matches(kind, wanted, n=1)
        problems.append(Problem(place, f'unknown kind "{kind}"' + (f'; did you mean "{near[0]}"?' if near else "")))
    elif version != wanted[kind]:
        problems.append(
            Problem(
                f"{kind}.apiVersion",
                f'"{version}" is not known to Kubernetes {names.KUBERNETES_MINOR}, {wanted[kind]} is',
            )
        )
    else:
        return kind
    return ""


def _upstream(kind: str, value: dict[str, Any], minor: str, problems: list[Problem]) -> Document:
    head = {k: value[k] for k in ("apiVersion", "kind")}
    body = {k: v for k, v in value.items() if k not in head}
    result: dict[str, Any] = checked.checked(KINDS[kind][1], body, kind, problems, fields_of(minor))
    return head | result


def _own(value: dict[str, Any], problems: list[Problem]) -> BootstrapConfig:
    from bootstrap.config.own import (
        bootstrap_configuration,  # pydantic takes longer to import than the rest of a run's start together
    )

    own, found = bootstrap_configuration.parse(value)
    problems.extend(found)
    return own
