"""Mirror rules applied: where an image is looked for, in order, and containerd's hosts.toml."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bootstrap.model.effects import File
from bootstrap.model.mirrors import Endpoint, Mirrors, Rule, Server
from bootstrap.model.reference import DOCKER_HUB, DOCKER_HUB_SERVER, Reference

NOBODY = "https://offline.invalid"
"""RFC 2606: a name that never resolves; containerd wants some server in its file for all registries."""
ONLY_IN_THE_IMAGE = "localhost"
"""The registry of the images that this program brings along."""


@dataclass(frozen=True)
class Candidate:
    """One place to ask: `repository` is the image's name there, `why` says by which rule.

    `containerd` is whether hosts.toml leads containerd there too, with `hindrances` if it does not or not fully.
    """

    server: Server
    repository: str
    why: str
    upstream: bool
    containerd: bool
    hindrances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """All places for one image; `closed` says why upstream is not among them, empty if it is."""

    candidates: tuple[Candidate, ...]
    closed: str = ""


def route(mirrors: Mirrors, image: Reference) -> Route:
    """The mirrors of the image's registry in order, then the registry itself unless a rule forbids it."""
    rule = _rule(mirrors, image.registry)
    found = tuple(_mirror(e, i, image) for i, e in enumerate(rule.endpoints, 1))
    closed = _closed(mirrors, rule)
    if not closed:
        found += (Candidate(upstream(image.registry), image.repository, "upstream", True, True),)
    return Route(found, closed)


def upstream(registry: str) -> Server:
    """The server that answers for a registry's name."""
    return Server(DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry)


def located(endpoint: Endpoint, repository: str) -> str:
    """What an upstream repository is called on a mirror: rewritten, flattened, prefixed."""
    name = repository
    for old, new in endpoint.rewrites:
        if name == old or name.startswith(f"{old}/") or not old:
            name = "/".join(part for part in (new, name[len(old) :].strip("/")) if part) or name
            break
    if endpoint.flatten:
        name = name.rsplit("/", 1)[-1]
    return _below(endpoint.prefix, name)


def hindrances(endpoint: Endpoint) -> tuple[str, ...]:
    """What hosts.toml cannot say about a mirror."""
    found = []
    if endpoint.flatten:
        found.append("flattening: only names of one word are found there by containerd itself")
    if endpoint.rewrites:
        found.append("rewriting: only names that stay as they are are found there by containerd itself")
    if endpoint.server.credentials:
        found.append("credentials: the kubelet's own pulls need a pull secret or a credential provider")
    return tuple(found)


def hosts_files(mirrors: Mirrors, folder: str) -> tuple[File, ...]:
    """`FOLDER/REGISTRY/hosts.toml` for each rule, and one for all other registries when offline."""
    files = [_file(folder, rule.registry, hosts_toml(rule, mirrors)) for rule in mirrors.rules]
    if mirrors.offline:
        files.append(_file(folder, "_default", _head("every other registry", NOBODY, _closed(mirrors, Rule("", ())))))
    return tuple(files)


def hosts_toml(rule: Rule, mirrors: Mirrors) -> str:
    """One registry's file. The registry itself may only be pushed to when it must not be asked: that asks nobody."""
    parts = [_head(rule.registry, upstream(rule.registry).url, _closed(mirrors, rule))]
    seen = set()
    for endpoint in rule.endpoints:
        url = endpoint.server.url + (f"/v2/{endpoint.prefix}" if endpoint.prefix else "")
        if url in seen:
            continue  # a table may not be there twice, and only the names differ
        seen.add(url)
        lines = [f"# cannot say {text}" for text in hindrances(endpoint)]
        lines += [f"[host.{json.dumps(url)}]", 'capabilities = ["pull", "resolve"]']
        if endpoint.prefix:
            lines.append("override_path = true")
        if endpoint.server.ca_file:
            lines.append(f"ca = {json.dumps(endpoint.server.ca_file)}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _head(what: str, server: str, closed: str) -> str:
    lines = [f"# Where containerd gets the images of {what}.", f"server = {json.dumps(server)}"]
    if closed:
        lines += [f"# never asked: {closed}", 'capabilities = ["push"]']
    return "\n".join(lines) + "\n"


def _file(folder: str, registry: str, text: str) -> File:
    return File(f"{folder}/{registry}/hosts.toml", text.encode())


def _rule(mirrors: Mirrors, registry: str) -> Rule:
    return next((rule for rule in mirrors.rules if rule.registry == registry), Rule(registry, ()))


def _closed(mirrors: Mirrors, rule: Rule) -> str:
    if rule.registry == ONLY_IN_THE_IMAGE:
        return "these images are part of the bootstrap image, no registry has them"
    if mirrors.offline:
        return "mirrors.offline is true"
    return "" if rule.upstream else f"the rule for {rule.registry} says upstream: false"


def _mirror(endpoint: Endpoint, number: int, image: Reference) -> Candidate:
    name = located(endpoint, image.repository)
    steps = [
        *(["rewritten"] if endpoint.rewrites else []),
        *(["flattened"] if endpoint.flatten else []),
        *([f"below {endpoint.prefix}"] if endpoint.prefix else []),
    ]
    why = f"mirror {number} of {image.registry}" + (f": {', '.join(steps)}" if steps else "")
    plain = name == _below(endpoint.prefix, image.repository)
    return Candidate(endpoint.server, name, why, False, plain, hindrances(endpoint))


def _below(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
