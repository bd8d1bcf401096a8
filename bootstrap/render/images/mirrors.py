"""Mirror rules applied: where an image is looked for, in order, and containerd's hosts.toml."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bootstrap.model.effects import File
from bootstrap.model.images.mirrors import Endpoint, MirrorRule, Mirrors, Server
from bootstrap.model.images.reference import DOCKER_HUB, DOCKER_HUB_SERVER, Reference
from bootstrap.render.node.registry_logins import kubelet_logins

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
    """The mirrors of the image's registry in order, then the registry itself unless a rule forbids it.

    An image that is named after a mirror is asked for there, offline too.
    """
    if server := mirrors.servers.get(image.registry):
        lacking = _no_login(server, server.host in kubelet_logins(mirrors))
        return Route((Candidate(server, image.repository, "the mirror itself", True, True, lacking),))
    rule = _rule(mirrors, image.registry)
    given = rule.registry in kubelet_logins(mirrors)
    found = tuple(_mirror(e, i, image, given) for i, e in enumerate(rule.endpoints, 1))
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


def hindrances(endpoint: Endpoint, given: bool) -> tuple[str, ...]:
    """What hosts.toml cannot say about a mirror; `given` is whether the kubelet has its login."""
    found = []
    if endpoint.flatten:
        found.append("flattening: only names of one word are found there by containerd itself")
    if endpoint.rewrites:
        found.append("rewriting: only names that stay as they are are found there by containerd itself")
    return (*found, *_no_login(endpoint.server, given))


def hosts_files(mirrors: Mirrors, folder: str) -> tuple[File, ...]:
    """`FOLDER/REGISTRY/hosts.toml` for each rule and each mirror, and one for all other registries when offline."""
    files = [_file(folder, rule.registry, hosts_toml(rule, mirrors)) for rule in mirrors.rules]
    files += [
        _file(folder, host, _head(host, server.url, "") + _ca(server)) for host, server in mirrors.servers.items()
    ]
    if mirrors.offline:
        files.append(
            _file(folder, "_default", _head("every other registry", NOBODY, _closed(mirrors, MirrorRule("", ()))))
        )
    return tuple(files)


def hosts_toml(rule: MirrorRule, mirrors: Mirrors) -> str:
    """One registry's file. The registry itself may only be pushed to when it must not be asked: that asks nobody."""
    parts = [_head(rule.registry, upstream(rule.registry).url, _closed(mirrors, rule))]
    seen = set()
    for endpoint in rule.endpoints:
        url = endpoint.server.url + (f"/v2/{endpoint.prefix}" if endpoint.prefix else "")
        if url in seen:
            continue  # a table may not be there twice, and only the names differ
        seen.add(url)
        lines = [f"# cannot say {text}" for text in hindrances(endpoint, rule.registry in kubelet_logins(mirrors))]
        lines += [f"[host.{json.dumps(url)}]", 'capabilities = ["pull", "resolve"]']
        if endpoint.prefix:
            lines.append("override_path = true")
        parts.append("\n".join(lines) + "\n" + _ca(endpoint.server))
    return "\n".join(parts)


def _head(what: str, server: str, closed: str) -> str:
    lines = [f"# Where containerd gets the images of {what}.", f"server = {json.dumps(server)}"]
    if closed:
        lines += [f"# never asked: {closed}", 'capabilities = ["push"]']
    return "\n".join(lines) + "\n"


def _ca(server: Server) -> str:
    return f"ca = {json.dumps(server.ca_file)}\n" if server.ca_file else ""


def _no_login(server: Server, given: bool) -> tuple[str, ...]:
    lacking = server.credentials is not None and not given
    return ("credentials: the kubelet's own pulls need a pull secret or a credential provider",) if lacking else ()


def _file(folder: str, registry: str, text: str) -> File:
    return File(f"{folder}/{registry}/hosts.toml", text.encode())


def _rule(mirrors: Mirrors, registry: str) -> MirrorRule:
    return next((rule for rule in mirrors.rules if rule.registry == registry), MirrorRule(registry, ()))


def _closed(mirrors: Mirrors, rule: MirrorRule) -> str:
    if rule.registry == ONLY_IN_THE_IMAGE:
        return "these images are part of the bootstrap image, no registry has them"
    return mirrors.closed(rule)


def _mirror(endpoint: Endpoint, number: int, image: Reference, given: bool) -> Candidate:
    name = located(endpoint, image.repository)
    steps = [
        *(["rewritten"] if endpoint.rewrites else []),
        *(["flattened"] if endpoint.flatten else []),
        *([f"below {endpoint.prefix}"] if endpoint.prefix else []),
    ]
    why = f"mirror {number} of {image.registry}" + (f": {', '.join(steps)}" if steps else "")
    plain = name == _below(endpoint.prefix, image.repository)
    return Candidate(endpoint.server, name, why, False, plain, hindrances(endpoint, given))


def _below(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
