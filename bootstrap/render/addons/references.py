"""What objects of an add-on name that nobody makes: accounts, ConfigMaps, Secrets, Services, roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.render.addons.kinds import BUILT_IN_GROUPS, DEFINITION, NAMESPACELESS, group
from bootstrap.render.addons.namespaces import DEFAULT_NAMESPACE
from bootstrap.render.cluster.objects import Object

Key = tuple[str, str, str]
"""Kind, namespace (empty: none), name."""
_GIVEN = {
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "extension-apiserver-authentication"),
    ("ConfigMap", "kubeadm-config"),
    ("ConfigMap", "kubelet-config"),
    ("ConfigMap", "kube-proxy"),
    ("ConfigMap", "coredns"),
    ("Service", "kubernetes"),
    ("Service", "kube-dns"),
    ("ServiceAccount", "default"),
    ("ClusterRole", "cluster-admin"),
    ("ClusterRole", "admin"),
    ("ClusterRole", "edit"),
    ("ClusterRole", "view"),
    ("Role", "extension-apiserver-authentication-reader"),
}
"""What every cluster has, wherever it has it."""
_GIVEN_BEGINS = ("system:", "kubeadm:")


@dataclass(frozen=True)
class Missing:
    """`by` names `wanted`, which nobody makes; `elsewhere` is the namespace of one with the same name, if any.

    With `certain` that one was given no namespace in the manifest, which is then meant for another than `default`.
    """

    by: str
    wanted: Key
    elsewhere: str = ""
    certain: bool = False

    def __str__(self) -> str:
        kind, namespace, name = self.wanted
        text = f"{self.by} names {kind} {namespace + '/' if namespace else ''}{name}, which nothing here makes"
        if not self.elsewhere:
            return text
        why = "no namespace is written there, so it goes to" if self.certain else "it goes to"
        return f"{text}; there is a {kind} {name}, but {why} {self.elsewhere}"


def missing(objects: tuple[Object, ...], others: tuple[Object, ...] = ()) -> tuple[Missing, ...]:
    """Of one add-on, as its objects are written; `others` are those of the add-ons beside it."""
    ours = {_key(body): body for body in objects}
    made = {*ours, *map(_key, others)}
    told = _told(objects)
    found: dict[tuple[str, Key], Missing] = {}
    for body in objects:
        for wanted in references(body):
            kind, _, name = wanted
            if wanted in made or _is_given(kind, name) or (kind in ("Secret", "ConfigMap") and name in told):
                continue
            key = (f"{body['kind']} {body['metadata']['name']}", wanted)
            found[key] = _missing(*key, ours)
    return tuple(found.values())


def _missing(by: str, wanted: Key, ours: Mapping[Key, Object]) -> Missing:
    alike = [(key, body) for key, body in ours.items() if key[0] == wanted[0] and key[2] == wanted[2]]
    if not alike:
        return Missing(by, wanted)
    bare = [key for key, body in alike if not body["metadata"].get("namespace")]
    return Missing(by, wanted, (bare or [alike[0][0]])[0][1], certain=bool(bare))


def references(body: Object) -> Iterator[Key]:
    """Everything that an object names and cannot do without."""
    kind, namespace = body["kind"], body["metadata"].get("namespace") or DEFAULT_NAMESPACE
    if group(body) not in BUILT_IN_GROUPS or kind == DEFINITION:
        return
    if kind in ("ClusterRoleBinding", "RoleBinding"):
        yield from _binding(body, namespace)
    elif kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for hook in _mappings(body.get("webhooks")):
            yield from _service(_mapping(hook.get("clientConfig")).get("service"))
    elif kind == "APIService":
        yield from _service(_mapping(body.get("spec")).get("service"))
    else:
        for pod in _pods(body):
            yield from _pod(pod, namespace)


def _binding(body: Object, namespace: str) -> Iterator[Key]:
    role = _mapping(body.get("roleRef"))
    yield str(role.get("kind")), "" if role.get("kind") == "ClusterRole" else namespace, str(role.get("name"))
    for subject in _mappings(body.get("subjects")):
        if subject.get("kind") == "ServiceAccount":
            yield "ServiceAccount", str(subject.get("namespace") or namespace), str(subject.get("name"))


def _service(service: Any) -> Iterator[Key]:
    if isinstance(service, Mapping):
        yield "Service", str(service.get("namespace") or DEFAULT_NAMESPACE), str(service.get("name"))


def _pods(value: Any) -> Iterator[Mapping[str, Any]]:
    """The specs of Pods anywhere below an object."""
    if isinstance(value, list):
        for item in value:
            yield from _pods(item)
    elif isinstance(value, Mapping):
        if isinstance(value.get("containers"), list):
            yield value
        else:
            for item in value.values():
                yield from _pods(item)


def _pod(pod: Mapping[str, Any], namespace: str) -> Iterator[Key]:
    if account := pod.get("serviceAccountName") or pod.get("serviceAccount"):
        yield "ServiceAccount", namespace, str(account)
    for volume in _mappings(pod.get("volumes")):
        for source in (volume, *_mappings(_mapping(volume.get("projected")).get("sources"))):
            yield from _source(source, namespace)
    for container in (*_mappings(pod.get("initContainers")), *_mappings(pod.get("containers"))):
        for entry in (
            *_mappings(container.get("envFrom")),
            *(_mapping(variable.get("valueFrom")) for variable in _mappings(container.get("env"))),
        ):
            yield from _source(entry, namespace)


_SOURCES = (
    ("configMap", "ConfigMap", "name"),
    ("configMapRef", "ConfigMap", "name"),
    ("configMapKeyRef", "ConfigMap", "name"),
    ("secret", "Secret", "secretName"),
    ("secret", "Secret", "name"),
    ("secretRef", "Secret", "name"),
    ("secretKeyRef", "Secret", "name"),
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
)


def _source(source: Mapping[str, Any], namespace: str) -> Iterator[Key]:
    """What a volume or a variable is filled from, if it has to be there."""
    for field, kind, name in _SOURCES:
        named = _mapping(source.get(field))
        if isinstance(named.get(name), str) and not named.get("optional"):
            yield kind, namespace, named[name]


def _key(body: Object) -> Key:
    namespace = body["metadata"].get("namespace") or DEFAULT_NAMESPACE
    return body["kind"], "" if body["kind"] in NAMESPACELESS else namespace, body["metadata"]["name"]


def _is_given(kind: str, name: str) -> bool:
    return (kind, name) in _GIVEN or (kind in ("ClusterRole", "Role") and name.startswith(_GIVEN_BEGINS))


def _told(objects: tuple[Object, ...]) -> str:
    """All words that programs of the add-on are started with, and all of its custom resources.

    What is named there they may well make themselves: an operator its certificate, an issuer a Secret.
    """
    words: list[str] = []
    for body in objects:
        if group(body) not in BUILT_IN_GROUPS:
            words += _strings(body.get("spec"))
        for pod in _pods(body):
            for container in (*_mappings(pod.get("initContainers")), *_mappings(pod.get("containers"))):
                words += _strings([container.get("command"), container.get("args")])
                words += [v["value"] for v in _mappings(container.get("env")) if isinstance(v.get("value"), str)]
        for rule in _mappings(body.get("rules")):
            words += _strings(rule.get("resourceNames"))
    return "\n".join(words)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for item in items for text in _strings(item)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
