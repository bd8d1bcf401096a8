"""Which encryption of Secrets is taken, and that it reaches the machines that join."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, load, read_stored, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host.port import ApiResponse
from bootstrap.joining.cluster import shared_settings, with_settings_of
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig
from bootstrap.model.encryption import Encryption
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import own_config

OWN_ARG = {"extraArgs": [{"name": "encryption-provider-config", "value": "/etc/mine.yaml"}]}


def made(encryption: dict[str, Any], api_server: dict[str, Any] | None = None, **flags: Any) -> ClusterConfig:
    documents = [
        {"apiVersion": "bootstrap/v1alpha1", "kind": "BootstrapConfiguration", "encryption": encryption},
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            **({"apiServer": api_server} if api_server else {}),
        },
    ]
    return resolve(load(to_yaml(*documents).encode()), Overrides(**flags), ANY_HOST)


@pytest.mark.parametrize("provider", ["secretbox", "aescbc", "aesgcm"])
def test_the_file_and_the_flag_say_the_same_and_the_next_run_knows_it(provider: str) -> None:
    cfg = made({"provider": provider})

    assert cfg.own.encryption == Encryption(provider)
    assert resolve(Documents(), Overrides(encryption_provider=provider), ANY_HOST).own == cfg.own
    assert read_stored(to_stored(cfg).encode()).own.encryption == cfg.own.encryption


@pytest.mark.parametrize("socket", ["/run/kms/s.sock", "unix:///run/kms/s.sock"])
def test_a_plugin_is_named_by_its_socket(socket: str) -> None:
    cfg = resolve(Documents(), Overrides(encryption_provider=f"kms-v2={socket}"), ANY_HOST)

    assert cfg.own.encryption == Encryption("kms-v2", "unix:///run/kms/s.sock")


@pytest.mark.parametrize(
    ("encryption", "words"),
    [
        ({"provider": "rot13"}, '"rot13" is none of secretbox'),
        ({"provider": "secretbox", "endpoint": "unix:///run/kms/s.sock"}, "only kms-v2 has one"),
        ({"provider": "kms-v2"}, "is not the socket of a plugin"),
        ({"provider": "kms-v2", "endpoint": "/run/kms/s.sock"}, "is not the socket of a plugin"),
        ({"provider": "kms-v2", "endpoint": "unix:///s.sock"}, "is not the socket of a plugin"),
        ({"provider": "kms-v2", "endpoint": "unix:///run/../s.sock"}, "is not the socket of a plugin"),
        ({}, "provider"),
    ],
)
def test_what_cannot_be_is_refused(encryption: dict[str, Any], words: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        made(encryption)

    assert caught.value.code == Exit.CONFIG
    assert words in "\n".join(caught.value.details)


def test_a_configuration_of_the_users_own_is_not_mixed_with_ours() -> None:
    with pytest.raises(BootstrapError) as caught:
        made({"provider": "secretbox"}, OWN_ARG)

    assert "leave one of the two out" in "\n".join(caught.value.details)


class _Cluster:
    def __init__(self, cfg: ClusterConfig) -> None:
        self._data = own_config(cfg.own)[0]["data"]

    def get(self, path: str) -> ApiResponse:
        return ApiResponse(200, {"data": self._data}, "")


def test_a_machine_that_joins_is_told_and_is_not_told_the_key() -> None:
    cfg = made({"provider": "kms-v2", "endpoint": "unix:///run/kms/s.sock"})
    joined = with_settings_of(_Cluster(cfg), BootstrapConfig())

    assert joined.encryption == cfg.own.encryption
    assert shared_settings(joined)["encryption"] == cfg.own.encryption
    assert "encryption" not in parse_one(own_config(BootstrapConfig())[0]["data"]["BootstrapConfiguration"].encode())
