"""The rules for mirrors as they are written: the field `mirrors` of our own document, or a file of their own."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bootstrap.config.own.other_mirrors import of_a_document, registry_advice, server_advice
from bootstrap.model.images import mirrors as model
from bootstrap.model.images.reference import is_repository, parse_registry


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CredentialsDocument(_Fields):
    """One of the three ways to log in."""

    dockerConfig: str = Field("", description="Path of a docker `config.json`: `auths`, `credHelpers`, `credsStore`.")
    helper: str = Field("", description="`NAME` of a credential helper, run as `docker-credential-NAME`.")
    username: str = Field("", description="A user, with `passwordFile`.")
    passwordFile: str = Field("", description="Path of a file with the password.")

    @model_validator(mode="after")
    def _one_way(self) -> CredentialsDocument:
        ways = [bool(self.dockerConfig), bool(self.helper), bool(self.username or self.passwordFile)]
        if sum(ways) != 1:
            raise ValueError("give one of dockerConfig, helper, or username with passwordFile")
        if bool(self.username) != bool(self.passwordFile):
            raise ValueError("username and passwordFile belong together")
        return self


class RewriteDocument(_Fields):
    """Another name on the mirror."""

    from_: str = Field(alias="from", description="Start of the upstream repository's name, whole words of it.")
    to: str = Field("", description="What stands there on the mirror; empty: nothing.")

    @field_validator("from_", "to")
    @classmethod
    def _words(cls, value: str) -> str:
        return _repository(value) if value else value


class EndpointDocument(_Fields):
    """One mirror."""

    server: str = Field(description="`HOST` or `HOST:PORT`.")
    prefix: str = Field("", description="Comes before the repository's name there: `PREFIX/coredns/coredns`.")
    flatten: bool = Field(False, description="Only the last word of the name is kept: `PREFIX/coredns`.")
    rewrite: list[RewriteDocument] = Field(
        default_factory=list, description="Other names, the first that fits wins; before `flatten`."
    )
    caFile: str = Field("", description="Path of the authority that signed the server's certificate (PEM).")
    plainHTTP: bool = Field(False, description="`true` allows HTTP without TLS.")
    credentials: CredentialsDocument | None = Field(
        None, description="How to log in; without it, docker's own `config.json` is used where there is one."
    )

    @field_validator("server")
    @classmethod
    def _host(cls, value: str) -> str:
        if "/" in value:
            raise ValueError(f"give HOST or HOST:PORT alone: {server_advice(value)}")
        return parse_registry(value)

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        return _repository(value) if value else value

    @model_validator(mode="after")
    def _transport(self) -> EndpointDocument:
        if self.plainHTTP and self.caFile:
            raise ValueError("plainHTTP and caFile exclude each other")
        return self


class RegistryDocument(_Fields):
    """The mirrors of one upstream registry."""

    registry: str = Field(description="The upstream registry, as images name it: `registry.k8s.io`, `docker.io`.")
    endpoints: list[EndpointDocument] = Field(
        default_factory=list, description="Its mirrors, in the order in which to try."
    )
    upstream: bool = Field(True, description="Whether the registry itself is asked last.")
    rename: bool = Field(
        False, description="Whether manifests of add-ons name the first endpoint, for runtimes that know no mirrors."
    )

    @field_validator("registry")
    @classmethod
    def _name(cls, value: str) -> str:
        try:
            return parse_registry(value)
        except ValueError as error:
            advice = registry_advice(value)
            raise ValueError(f"{error}; {advice}" if advice else str(error)) from None

    @model_validator(mode="after")
    def _some(self) -> RegistryDocument:
        if not self.endpoints and not self.upstream:
            raise ValueError("without endpoints and upstream there is nothing to ask")
        if not self.endpoints and self.rename:
            raise ValueError("rename needs an endpoint whose name images can get")
        return self


class MirrorsDocument(_Fields):
    """All rules."""

    offline: bool = Field(False, description="`true`: no upstream registry is ever asked, only mirrors.")
    registries: list[RegistryDocument] = Field(default_factory=list, description="One rule for each upstream registry.")

    @model_validator(mode="before")
    @classmethod
    def _ours(cls, value: Any) -> Any:
        if isinstance(value, dict) and (advice := of_a_document(value)):
            raise ValueError(advice)
        return value

    @field_validator("registries")
    @classmethod
    def _once(cls, value: list[RegistryDocument]) -> list[RegistryDocument]:
        names = [rule.registry for rule in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} has two rules; put their endpoints into one")
        return value


def to_model(mirrors: MirrorsDocument) -> model.Mirrors:
    """The rules as the rest of the program has them."""
    rules = tuple(
        model.MirrorRule(rule.registry, tuple(_endpoint(e) for e in rule.endpoints), rule.upstream, rule.rename)
        for rule in mirrors.registries
    )
    return model.Mirrors(rules, mirrors.offline)


def _endpoint(found: EndpointDocument) -> model.Endpoint:
    login = found.credentials
    credentials = None
    if login:
        credentials = model.Credentials(login.dockerConfig, login.helper, login.username, login.passwordFile)
    server = model.Server(found.server, found.plainHTTP, found.caFile, credentials)
    return model.Endpoint(server, found.prefix, found.flatten, tuple((r.from_, r.to) for r in found.rewrite))


def _repository(value: str) -> str:
    if not is_repository(value):
        raise ValueError(f'"{value[:80]}" is not part of a name: lower-case words, split by "/", none at the ends')
    return value
