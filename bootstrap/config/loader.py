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

OWN_VERSION, OWN_KIND = names.OWN_VERSION, names.OWN_KIND

_KUBEADM = "kubeadm.k8s.io/"
_OLD = {f"{_KUBEADM}{v}" for v in ("v1alpha1", "v1alpha2", "v1alpha3", "v1beta1", "v1beta2", "v1beta3")}
MIGRATED = (f"{_KUBEADM}v1beta2", f"{_KUBEADM}v1beta3")
"""Of these, the ones that `config migrate` reads."""
_MIGRATE = "bootstrap config migrate --old-config FILE --new-config FILE"
_FORMER_KINDS = {
    "ClusterStatus": "gone: leave the document out",
    "MasterConfiguration": "it is InitConfiguration and ClusterConfiguration now",
    "NodeConfiguration": "it is JoinConfiguration now",
}
"""Kinds of earlier versions of kubeadm's file."""
_METADATA = "ignored: the kinds of a configuration have none"


@dataclass(frozen=True)
class Documents:
    """What a file says, by kind, without the parts that `problems` complains about.

    The problems are not raised at once: `resolve` and `validate` add those of the values and raise all together.
    """

    upstream: Mapping[str, Document] = field(default_factory=dict)
    own: BootstrapConfig | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What is written and ignored, in whatever is done with the file."""

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
    warnings: list[Problem] = []
    seen: set[str] = set()
    for number, value in enumerate(values, 1):
        kind = _recognised(value, f"document {number}", minor, problems)
        if not kind:
            continue
        if kind in seen:
            problems.append(Problem(kind, "there are two documents of this kind"))
            continue
        seen.add(kind)
        if value.pop("metadata", None) is not None:
            warnings.append(Problem(f"{kind}.metadata", _METADATA))
        if kind == OWN_KIND:
            own = _own(value, problems)
        else:
            upstream[kind] = _upstream(kind, value, minor, problems)
    if not values:
        problems.append(Problem("", "the file holds no document"))
    return Documents(upstream, own, tuple(problems), tuple(warnings))


def _recognised(value: Any, place: str, minor: str, problems: list[Problem]) -> str:
    """The kind of a document, or empty (and one problem) if it is not one of those accepted."""
    if not isinstance(value, dict) or not value.get("apiVersion") or not value.get("kind"):
        problems.append(Problem(place, "a document is a mapping with apiVersion and kind"))
        return ""
    version, kind = str(value["apiVersion"]), str(value["kind"])
    wanted = {k: v for k, (v, _) in KINDS.items()} | {OWN_KIND: OWN_VERSION}
    if version.startswith(_KUBEADM) and kind in _FORMER_KINDS:
        problems.append(Problem(place, f"{kind} of {version}: {_FORMER_KINDS[kind]}"))
    elif kind not in wanted:
        near = difflib.get_close_matches(kind, wanted, n=1)
        problems.append(Problem(place, f'unknown kind "{kind}"' + (f'; did you mean "{near[0]}"?' if near else "")))
    elif version in _OLD:
        problems.append(Problem(place, _old(kind, value, minor)))
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


def _old(kind: str, value: dict[str, Any], minor: str) -> str:
    """What to write instead: the version of now, and what this document would have to say otherwise in it."""
    now = KINDS[kind][0]
    changes: list[Problem] = []
    _upstream(kind, {k: v for k, v in value.items() if k != "metadata"} | {"apiVersion": now}, minor, changes)
    told = [f"{c.path.removeprefix(f'{kind}.')}: {c.message}" for c in changes] or ["nothing else in it has changed"]
    told += [f"or have it written: {_MIGRATE}"] if value["apiVersion"] in MIGRATED else []
    return f"{kind} of {value['apiVersion']} is not read any more; write apiVersion: {now}; {'; '.join(told)}"


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
