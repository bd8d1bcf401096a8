"""Files and API objects as flat fields, so that two clusters can be compared field by field.

A field is `WHERE PATH`: `/etc/kubernetes/manifests/etcd.yaml spec.containers.etcd.command.name`. What is random is
replaced by what matters of it: a certificate by its subject, names, usages and lifetime, a key by its algorithm, a
hash by whether it is right. Empty values are left out: Go writes them, and they mean the same as nothing.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import yaml
from cryptography import x509

from bootstrap.render.cluster.objects import HASH_ANNOTATION
from bootstrap.render.pki import certs
from bootstrap.render.pki.keys import load_private

Fields = dict[str, Any]
_NAMED_BY = ("name", "mountPath", "token-id")


def of_file(path: str, mode: int, content: bytes) -> Fields:
    """The fields of a file, and its mode."""
    value = _parsed(path, content)
    flat = dict(_flat(value)) if value else {"content": value}
    return {f"{path} {key}": field for key, field in {"mode": f"{mode:04o}", **flat}.items()}


def of_object(body: Mapping[str, Any]) -> Fields:
    """The fields of an API object; configuration inside a ConfigMap is parsed."""
    meta = dict(body["metadata"])
    where = f"{body['kind']}/{meta.get('namespace', '')}/{meta['name']}"
    parsed: dict[str, Any] = {**body, "metadata": meta}
    if body["kind"] == "ConfigMap":
        parsed["data"] = {key: _inner(value) for key, value in body["data"].items()}
        if HASH_ANNOTATION in meta.get("annotations", {}):
            meta["annotations"] = {**meta["annotations"], HASH_ANNOTATION: _hash_is_right(body)}
    if body["kind"] == "Secret":
        parsed["data"] = {key: b64decode(value).decode() for key, value in body["data"].items()}
        parsed["data"]["expiration"] = "some time" if "expiration" in parsed["data"] else "never"
    return {f"{where} {key}": field for key, field in _flat(parsed)}


def _parsed(path: str, content: bytes) -> Any:
    if path.endswith(".crt"):
        return _certificate(content)
    if path.endswith(".key"):
        return {
            "block": content.split(b"\n")[0].decode(),
            "key": certs.key_name(load_private(content).public_key()),
        }
    if path.endswith(".pub"):
        return {"block": content.split(b"\n")[0].decode()}
    if path.endswith(".conf") and path.startswith("/etc/kubernetes/"):
        return _kubeconfig(yaml.safe_load(content))
    return yaml.safe_load(content) if path.endswith(".yaml") else {"content": content.decode()}


def _certificate(pem: bytes) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem)
    info = dict(vars(certs.describe(certificate)))
    lifetime: timedelta = info.pop("not_after") - info.pop("not_before")
    extensions = {e.oid._name: "critical" if e.critical else "present" for e in certificate.extensions}
    info["sans"] = dict.fromkeys(info["sans"], "present")
    return {**info, "lifetime_hours": round(lifetime.total_seconds() / 3600), "extensions": extensions}


def _kubeconfig(document: dict[str, Any]) -> dict[str, Any]:
    for cluster in document["clusters"]:
        cluster["name"] = cluster["name"] or "(empty)"
        ca = cluster["cluster"].pop("certificate-authority-data")
        cluster["cluster"]["ca"] = certs.certificate_info(b64decode(ca)).common_name
    for user in document.get("users") or ():
        user["certificate"] = _certificate(b64decode(user["user"].pop("client-certificate-data")))
        key = load_private(b64decode(user["user"].pop("client-key-data")))
        user["key"] = certs.key_name(key.public_key())
    return document


def _inner(text: str) -> Any:
    value = yaml.safe_load(text) if not text.startswith(".:53") else text
    if isinstance(value, dict) and "certificate-authority-data" in text:
        return _kubeconfig(value)
    return value


def _hash_is_right(body: Mapping[str, Any]) -> str:
    joined = "".join(body["data"][key] for key in sorted(body["data"])).encode()
    right = body["metadata"]["annotations"][HASH_ANNOTATION] == "sha256:" + hashlib.sha256(joined).hexdigest()
    return "right" if right else "wrong"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves with their paths; items of lists go by their names, flags by theirs, other lists stay whole."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif path.endswith(".command"):
        for flag, field in _command(value).items():
            yield f"{path}.{flag}", field
    elif isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
        for name, inner in _by_name(value).items():
            yield from _flat(inner, f"{path}.{name}")
    elif value not in (None, "", [], ()):
        yield path, list(value) if isinstance(value, tuple) else value


def _command(words: list[str]) -> Fields:
    found: Fields = {"binary": words[0]}
    for word in words[1:]:
        name, _, value = word.removeprefix("--").partition("=")
        found[name] = [*found.get(name, []), value]
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in found.items()}


def _by_name(items: Any) -> dict[str, Any]:
    names = [next((str(item[key]) for key in _NAMED_BY if key in item), "") for item in items]
    unique = len(set(names)) == len(names) and all(names)
    return dict(zip(names if unique else map(str, range(len(names))), items, strict=True))
