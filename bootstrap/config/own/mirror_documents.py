"""The rules for mirrors, back from the model to what is written (without pydantic, which takes long to import)."""

from __future__ import annotations

from typing import Any

from bootstrap.model.images.mirrors import Credentials, Endpoint, MirrorRule, Mirrors


def to_document(mirrors: Mirrors) -> dict[str, Any]:
    """The fields again, without those that say nothing."""
    return _filled({"offline": mirrors.offline, "registries": [_rule_document(rule) for rule in mirrors.rules]})


def _rule_document(rule: MirrorRule) -> dict[str, Any]:
    endpoints = [_endpoint_document(e) for e in rule.endpoints]
    document = _filled({"registry": rule.registry, "endpoints": endpoints, "rename": rule.rename})
    return document if rule.upstream else {**document, "upstream": False}


def _endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    login = endpoint.server.credentials or Credentials()
    return _filled(
        {
            "server": endpoint.server.host,
            "prefix": endpoint.prefix,
            "flatten": endpoint.flatten,
            "rewrite": [{"from": old, "to": new} for old, new in endpoint.rewrites],
            "caFile": endpoint.server.ca_file,
            "plainHTTP": endpoint.server.plain_http,
            "credentials": _filled(
                {
                    "dockerConfig": login.docker_config,
                    "helper": login.helper,
                    "username": login.username,
                    "passwordFile": login.password_file,
                }
            ),
        }
    )


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value}
