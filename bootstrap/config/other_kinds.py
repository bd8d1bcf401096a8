"""Rules of the kinds that `init` does not use: JoinConfiguration, ResetConfiguration, UpgradeConfiguration."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bootstrap.config import validators
from bootstrap.config.complete import ignored_checks, node
from bootstrap.config.loader import Documents
from bootstrap.config.rules import check_ignored, check_node, each, found
from bootstrap.model import names
from bootstrap.model.cluster import Document
from bootstrap.model.errors import Problem
from bootstrap.model.facts import HostFacts

_JOIN = "JoinConfiguration"
_UNMOUNT_FLAGS = ("MNT_DETACH", "MNT_EXPIRE", "MNT_FORCE", "UMOUNT_NOFOLLOW")


def check(documents: Documents, facts: HostFacts) -> Iterable[Problem]:
    """Everything wrong with the values of these kinds' documents."""
    if _JOIN in documents.upstream:
        yield from _join(documents.get(_JOIN), facts)
    yield from _reset(documents.get("ResetConfiguration"))
    yield from _upgrade(documents.get("UpgradeConfiguration"))


def _join(doc: Document, facts: HostFacts) -> Iterable[Problem]:
    registration = doc.get("nodeRegistration", {})
    yield from check_node(node(registration, facts), f"{_JOIN}.nodeRegistration")
    yield from check_ignored(ignored_checks(registration), f"{_JOIN}.nodeRegistration")
    yield from _discovery(doc.get("discovery", {}), f"{_JOIN}.discovery")
    ca = doc.get("caCertPath") or f"{names.PKI_DIR}/ca.crt"
    yield from found(
        f"{_JOIN}.caCertPath", validators.absolute(ca) or ("" if ca.endswith(".crt") else "not a .crt file")
    )
    control_plane = doc.get("controlPlane", {})
    endpoint = control_plane.get("localAPIEndpoint", {})
    path = f"{_JOIN}.controlPlane"
    if (address := endpoint.get("advertiseAddress")) and not validators.address(address):
        yield Problem(f"{path}.localAPIEndpoint.advertiseAddress", f'"{address}" is not an IP address')
    if not 0 <= endpoint.get("bindPort", 0) <= names.HIGHEST_PORT:
        yield Problem(
            f"{path}.localAPIEndpoint.bindPort", f"{endpoint['bindPort']} is not a port (1 to {names.HIGHEST_PORT})"
        )
    if key := control_plane.get("certificateKey"):
        yield from found(f"{path}.certificateKey", validators.certificate_key(key))


def _discovery(doc: Document, path: str) -> Iterable[Problem]:
    if ("bootstrapToken" in doc) == ("file" in doc):
        yield Problem(path, "one of bootstrapToken and file is needed")
    if "bootstrapToken" in doc:
        yield from _token_discovery(doc["bootstrapToken"], f"{path}.bootstrapToken")
    if "file" in doc:
        yield from found(f"{path}.file.kubeConfigPath", _location(doc["file"].get("kubeConfigPath", "")))
    if tls := doc.get("tlsBootstrapToken"):
        yield from found(f"{path}.tlsBootstrapToken", validators.token(tls))


def _location(text: str) -> str:
    if not text:
        return "missing"
    if not text.isprintable():
        return f"{text!r} has a character that is none"
    if "://" in text and not text.startswith(("https://", "file:///")):
        return "a URL must be https, or file:///PATH"
    return ""


def _token_discovery(doc: Document, path: str) -> Iterable[Problem]:
    yield from found(f"{path}.token", validators.token(doc.get("token", "")))
    endpoint = doc.get("apiServerEndpoint", "")
    parts = validators.split_endpoint(endpoint)
    if not parts or not parts[1]:
        yield Problem(f"{path}.apiServerEndpoint", f'"{endpoint}" is not host:port')
    pins = doc.get("caCertHashes", [])
    if not pins and not doc.get("unsafeSkipCAVerification"):
        yield Problem(f"{path}.caCertHashes", "needed unless unsafeSkipCAVerification is true")
    yield from each(f"{path}.caCertHashes", pins, _pin)


def _pin(text: str) -> str:
    return "" if re.fullmatch("sha256:[0-9a-fA-F]{64}", text) else f'"{text}" is not sha256: and 64 hexadecimal digits'


def _reset(doc: Document) -> Iterable[Problem]:
    path = "ResetConfiguration"
    if directory := doc.get("certificatesDir"):
        yield from found(f"{path}.certificatesDir", validators.own_directory(directory))
    if (socket := doc.get("criSocket", "")) and not socket.startswith("/"):
        yield from found(f"{path}.criSocket", validators.socket(socket))
    yield from each(f"{path}.unmountFlags", doc.get("unmountFlags", []), _unmount_flag)


def _unmount_flag(text: str) -> str:
    return "" if text in _UNMOUNT_FLAGS else f'"{text}" is not one of {", ".join(_UNMOUNT_FLAGS)}'


def _upgrade(doc: Document) -> Iterable[Problem]:
    for part in ("apply", "node"):
        if patches := doc.get(part, {}).get("patches"):
            at = f"UpgradeConfiguration.{part}.patches.directory"
            yield from found(at, validators.absolute(patches.get("directory", "")))
