"""Where the bytes of images may come from. Names of images do not change by it, but where a rule says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bootstrap.model.images.reference import DOCKER_HUB
from bootstrap.model.secrets import Secret


@dataclass(frozen=True)
class Login:
    """A user with a password, or an identity token that buys access tokens."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "password", Secret(self.password))
        object.__setattr__(self, "identity_token", Secret(self.identity_token))


@dataclass(frozen=True)
class Credentials:
    """How to log in: a docker config.json, a credential helper's name, or a user with the file of the password."""

    docker_config: str = ""
    helper: str = ""
    username: str = ""
    password_file: str = ""


@dataclass(frozen=True)
class Server:
    """A registry as it is reached: `host` is HOST[:PORT]. No credentials given: the user's docker config decides."""

    host: str
    plain_http: bool = False
    ca_file: str = ""
    credentials: Credentials | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self.plain_http else 'https'}://{self.host}"


@dataclass(frozen=True)
class Endpoint:
    """A mirror: how the repository of an upstream image is called there.

    `rewrites` are (from, to) for the start of a repository's name, the first that fits wins; `flatten` keeps only the
    name's last word; `prefix` then comes before it.
    """

    server: Server
    prefix: str = ""
    flatten: bool = False
    rewrites: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MirrorRule:
    """The mirrors of one upstream registry in order; without `upstream` it is not asked itself.

    With `rename` the manifests of add-ons name the images as they are called on the first mirror.
    """

    registry: str
    endpoints: tuple[Endpoint, ...]
    upstream: bool = True
    rename: bool = False


@dataclass(frozen=True)
class Mirrors:
    """All rules; `offline` forbids every upstream registry, those without a rule included."""

    rules: tuple[MirrorRule, ...] = ()
    offline: bool = False

    @property
    def servers(self) -> Mapping[str, Server]:
        """The mirrors under their own names, as images may be named after them; without those that have a rule."""
        ruled = {DOCKER_HUB, *(rule.registry for rule in self.rules)}  # Docker Hub's name is not that of its server
        found = [endpoint.server for rule in self.rules for endpoint in rule.endpoints]
        return {server.host: server for server in reversed(found) if server.host not in ruled}

    def closed(self, rule: MirrorRule) -> str:
        """Why a rule's registry itself is never asked; empty if it is."""
        if self.offline:
            return "mirrors.offline is true"
        return "" if rule.upstream else f"the rule for {rule.registry} says upstream: false"

    def reached(self, reach: Callable[[str], str]) -> Mirrors:
        """The same rules, with the files that they name where `reach` says that they are."""
        return replace(self, rules=tuple(replace(rule, endpoints=_reached(rule, reach)) for rule in self.rules))


def _reached(rule: MirrorRule, reach: Callable[[str], str]) -> tuple[Endpoint, ...]:
    def at(path: str) -> str:
        return reach(path) if path else ""

    def login(known: Credentials | None) -> Credentials | None:
        return known and replace(known, docker_config=at(known.docker_config), password_file=at(known.password_file))

    def server(known: Server) -> Server:
        return replace(known, ca_file=at(known.ca_file), credentials=login(known.credentials))

    return tuple(replace(endpoint, server=server(endpoint.server)) for endpoint in rule.endpoints)
