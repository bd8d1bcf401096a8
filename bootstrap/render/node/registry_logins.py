"""Logins for the kubelet's own pulls: its image credential provider is `cat`, and what it says is written here.

The protocol is a program that gets the image's name and prints logins by pattern; the kubelet takes what fits. These do
not depend on the image, and a file needs no container, no interpreter and no program of ours on a host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.effects import File
from bootstrap.model.images.mirrors import Login, Mirrors, Server

CONFIG = f"{names.STATE_DIR}/image-credential-provider.yaml"
ANSWER = f"{names.STATE_DIR}/registry-logins.json"
FLAGS = {"image-credential-provider-config": CONFIG, "image-credential-provider-bin-dir": "/bin"}
_API = "credentialprovider.kubelet.k8s.io/v1"


def kubelet_logins(mirrors: Mirrors) -> dict[str, Server]:
    """Registry, as images name it → the mirror whose login the kubelet is given for it.

    A runtime shows a login to every place that it asks for an image and that wants one. So an upstream name has a login
    only where one mirror alone is asked; nobody else is to see its password.
    """
    found = dict(mirrors.servers)
    for rule in mirrors.rules:
        asked = {endpoint.server.host: endpoint.server for endpoint in rule.endpoints}
        if len(asked) == 1 and mirrors.closed(rule):
            found[rule.registry] = next(iter(asked.values()))
    return {registry: server for registry, server in found.items() if _is_written(server)}


def login_files(mirrors: Mirrors, logins: Mapping[str, Login]) -> tuple[File, ...]:
    """What the kubelet reads at its start, and what is printed whenever it asks; nothing where no rule has logins.

    `logins` are those of `kubelet_logins` that were found.
    """
    registries = sorted(kubelet_logins(mirrors))
    if not registries:
        return ()
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": [
            {
                "name": "cat",
                "apiVersion": _API,
                "args": [ANSWER],
                "matchImages": registries,
                "defaultCacheDuration": "0s",
            }
        ],
    }
    answer = {
        "apiVersion": _API,
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Global",
        "cacheDuration": "0s",
        "auth": {name: {"username": login.username, "password": login.password} for name, login in logins.items()},
    }
    return (
        File(CONFIG, to_yaml(config).encode(), mode=0o600),
        File(ANSWER, json.dumps(answer, sort_keys=True).encode() + b"\n", mode=0o600, secret=True),
    )


def _is_written(server: Server) -> bool:
    """A helper keeps passwords out of files, and gives some that are soon worth nothing."""
    return server.credentials is not None and not server.credentials.helper
