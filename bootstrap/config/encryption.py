"""What an encryption of Secrets has to satisfy."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.encryption import KMS, PROVIDERS
from bootstrap.model.errors import Problem
from bootstrap.render.controlplane.encryption import FLAG

_PATH = "BootstrapConfiguration.encryption"


def check(config: ClusterConfig) -> Iterable[Problem]:
    encryption = config.own.encryption
    if encryption is None:
        return
    if encryption.provider not in PROVIDERS:
        yield Problem(f"{_PATH}.provider", f'"{encryption.provider}" is none of {", ".join(PROVIDERS)}')
    elif encryption.provider != KMS and encryption.endpoint:
        yield Problem(f"{_PATH}.endpoint", f"only {KMS} has one; {encryption.provider} has its key in a file")
    elif encryption.provider == KMS and not _is_socket(encryption.endpoint):
        yield Problem(f"{_PATH}.endpoint", f'"{encryption.endpoint}" is not the socket of a plugin: unix:///PATH/NAME')
    if any(arg.name == FLAG for arg in config.cluster.api_server.extra_args):
        yield Problem(
            "ClusterConfiguration.apiServer.extraArgs",
            f"{FLAG} names a configuration of your own: leave one of the two out",
        )


def _is_socket(endpoint: str) -> bool:
    """In a directory of its own, which the API server sees whole."""
    path = endpoint.removeprefix("unix://")
    return endpoint.startswith("unix:///") and path.count("/") > 1 and not path.endswith("/") and ".." not in path
