"""Logins for the kubelet's own pulls: for which registries, in which files, by which flags."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.model.cluster import Arg
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.images.mirrors import Credentials, Endpoint, Login, MirrorRule, Mirrors, Server
from bootstrap.render.images.mirrors import hosts_toml
from bootstrap.render.node.kubelet import kubelet_flags
from bootstrap.render.node.registry_logins import ANSWER, CONFIG, kubelet_logins, login_files

FACTS = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.1", True),))
PRIVATE = Endpoint(Server("private.example:5000", credentials=Credentials(docker_config="/config.json")), "x")
OPEN = Endpoint(Server("open.example"))
HELPER = Endpoint(Server("helper.example", credentials=Credentials(helper="vault")))
ALONE = Mirrors((MirrorRule("registry.k8s.io", (PRIVATE,), upstream=False),))


def flags(mirrors: Mirrors, *extra: Arg) -> str:
    cfg = resolve(Documents(), Overrides(mirrors=mirrors), FACTS)
    node = dataclasses.replace(cfg.node, kubelet_extra_args=extra)
    return kubelet_flags(dataclasses.replace(cfg, node=node), FACTS).decode()


@pytest.mark.parametrize(
    ("mirrors", "registries"),
    [
        (ALONE, {"registry.k8s.io", "private.example:5000"}),
        (
            Mirrors((MirrorRule("registry.k8s.io", (PRIVATE,)),), offline=True),
            {"registry.k8s.io", "private.example:5000"},
        ),
        (Mirrors((MirrorRule("registry.k8s.io", (PRIVATE,)),)), {"private.example:5000"}),
        (Mirrors((MirrorRule("registry.k8s.io", (PRIVATE, OPEN), upstream=False),)), {"private.example:5000"}),
        (Mirrors((MirrorRule("registry.k8s.io", (HELPER,), upstream=False),)), set()),
        (Mirrors((MirrorRule("registry.k8s.io", (OPEN,), upstream=False),)), set()),
    ],
)
def test_a_password_is_shown_to_its_own_mirror_only(mirrors: Mirrors, registries: set[str]) -> None:
    assert set(kubelet_logins(mirrors)) == registries


def test_the_kubelet_reads_logins_with_cat() -> None:
    config, answer = login_files(ALONE, {"registry.k8s.io": Login("u", "secret")})
    (provider,) = yaml.safe_load(config.content)["providers"]

    assert config.path == CONFIG
    assert b"secret" not in config.content
    assert (provider["name"], provider["args"]) == ("cat", [ANSWER])
    assert provider["matchImages"] == ["private.example:5000", "registry.k8s.io"]
    assert (answer.path, answer.mode, answer.secret) == (ANSWER, 0o600, True)
    assert json.loads(answer.content)["auth"] == {"registry.k8s.io": {"username": "u", "password": "secret"}}


def test_the_flags_are_there_when_there_are_logins() -> None:
    assert f"--image-credential-provider-config={CONFIG}" in flags(ALONE)
    assert "--image-credential-provider-bin-dir=/bin" in flags(ALONE)
    assert "image-credential-provider" not in flags(Mirrors((MirrorRule("registry.k8s.io", (OPEN,)),)))
    assert login_files(Mirrors(), {}) == ()


def test_a_credential_provider_of_the_users_own_stays() -> None:
    given = flags(ALONE, Arg("image-credential-provider-config", "/mine.yaml"))

    assert "--image-credential-provider-config=/mine.yaml" in given
    assert CONFIG not in given
    assert "bin-dir" not in given


def test_hosts_toml_names_a_login_that_the_kubelet_has_not() -> None:
    (closed,), open_too = ALONE.rules, MirrorRule("registry.k8s.io", (PRIVATE,))

    assert "cannot say credentials" not in hosts_toml(closed, ALONE)
    assert "cannot say credentials" in hosts_toml(open_too, Mirrors((open_too,)))
