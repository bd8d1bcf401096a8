"""Passwords that stand in files, for those who cannot ask a credential helper."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from bootstrap.host.registry.credentials import written_login
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.mirrors import Credentials, Login, Server

HOST = "private.example:5000"
AUTH = base64.b64encode(b"u:secret").decode()


def docker_config(folder: Path, **config: object) -> Server:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return Server(HOST, credentials=Credentials(docker_config=str(path)))


def test_a_password_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\n")
    server = Server(HOST, credentials=Credentials(username="u", password_file=str(tmp_path / "p")))

    assert written_login(server) == Login("u", "secret")


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}/v2/"])
def test_what_docker_login_wrote(tmp_path: Path, key: str) -> None:
    assert written_login(docker_config(tmp_path, auths={key: {"auth": AUTH}})) == Login("u", "secret")


@pytest.mark.parametrize(
    "config",
    [
        {"auths": {"another.example": {"auth": AUTH}}},
        {"auths": {HOST: {}}, "credsStore": "vault"},
        {"credHelpers": {HOST: "vault"}},
        {"auths": {HOST: {"identitytoken": "x"}}},
    ],
)
def test_what_is_no_password_is_none(tmp_path: Path, config: dict[str, object]) -> None:
    assert written_login(docker_config(tmp_path, **config)) is None


def test_no_helper_is_asked() -> None:
    assert written_login(Server(HOST, credentials=Credentials(helper="vault"))) is None


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError) as caught:
        written_login(Server(HOST, credentials=Credentials(username="u", password_file=str(tmp_path / "none"))))

    assert caught.value.code == Exit.CONFIG
