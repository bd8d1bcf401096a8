"""Logins for registries: docker's config.json, credential helpers, password files."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.mirrors import Login, Server
from bootstrap.model.images.reference import DOCKER_HUB_SERVER

HELPER_SECONDS = 30.0
_HUB_KEY = "https://index.docker.io/v1/"
"""Under which docker keeps the login for docker.io."""
_TOKEN_USER = "<token>"  # noqa: S105 - the helpers' protocol: this user name says that the secret is an identity token
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def login_for(server: Server) -> Login | None:
    """The login for a server, None for none. Raises BootstrapError (exit 3) when what is named cannot be read."""
    given = server.credentials
    if given is None:
        path = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
        return _from_docker_config(path, server.host) if path.exists() else None
    if given.helper:
        return _from_helper(given.helper, _keys(server.host)[0])
    if given.username:
        return Login(given.username, _read(Path(given.password_file)).rstrip("\r\n"))
    return _from_docker_config(Path(given.docker_config), server.host)


def written_login(server: Server) -> Login | None:
    """The password that stands in the file which a rule names; None where a helper or a token stands in its place.

    Raises BootstrapError (exit 3) when the file cannot be read.
    """
    given = server.credentials
    if given is None or given.helper:
        return None
    if given.username:
        return login_for(server)
    path = Path(given.docker_config)
    _, auths = _docker_config(path)
    found = (_from_entry(path, auths.get(key)) for key in _keys(server.host))
    return next((login for login in found if login and login.username), None)


def _docker_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """All of it, and its `auths`."""
    try:
        config = dict(json.loads(_read(path)))
        return config, dict(config.get("auths") or {})
    except (ValueError, TypeError) as e:
        raise _unusable(path, "it is not docker's config.json") from e


def _from_docker_config(path: Path, host: str) -> Login | None:
    """As docker itself looks: a helper for this host, the store for all, what is written in the file."""
    config, auths = _docker_config(path)
    try:
        helpers = dict(config.get("credHelpers") or {})
    except (ValueError, TypeError) as e:
        raise _unusable(path, "it is not docker's config.json") from e
    for key in _keys(host):
        if helpers.get(key):
            return _from_helper(str(helpers[key]), key)
    stored = config.get("credsStore")
    for key in _keys(host):
        login = _from_helper(str(stored), key) if stored else None
        if login := login or _from_entry(path, auths.get(key)):
            return login
    return None


def _from_entry(path: Path, entry: Any) -> Login | None:
    if not isinstance(entry, Mapping) or not entry:
        return None
    if entry.get("identitytoken"):
        return Login(identity_token=str(entry["identitytoken"]))
    if entry.get("username"):
        return Login(str(entry["username"]), str(entry.get("password", "")))
    if not entry.get("auth"):
        return None
    try:
        username, _, password = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as e:
        raise _unusable(path, "an auth in it is not base64 of USER:PASSWORD") from e
    return Login(username, password.rstrip("\0"))


def _from_helper(name: str, key: str) -> Login | None:
    """The helpers' protocol: the registry on standard input, JSON on standard output; no login is exit code 1."""
    if not _HELPER.fullmatch(name):
        raise _unusable(Path(name), "it is not the name of a credential helper")
    command = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [command, "get"], input=key, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
        )
    except FileNotFoundError as e:
        raise _unusable(Path(command), "this credential helper is not installed") from e
    except subprocess.TimeoutExpired as e:
        raise _unusable(Path(command), f"it did not answer within {HELPER_SECONDS:.0f} s") from e
    if done.returncode:
        said = (done.stdout or done.stderr).strip()
        if "credentials not found" in said:
            return None
        raise _unusable(Path(command), f"it failed with exit code {done.returncode}: {said[:200]}")
    try:
        answer = json.loads(done.stdout)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as e:
        raise _unusable(Path(command), "its answer has no Username and Secret") from e
    return Login(identity_token=secret) if username == _TOKEN_USER else Login(username, secret)


def _keys(host: str) -> tuple[str, ...]:
    """How a registry may be called in docker's config."""
    if host == DOCKER_HUB_SERVER:
        return (_HUB_KEY, "docker.io", host)
    return (host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/", f"https://{host}/v2/", f"http://{host}")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise _unusable(path, getattr(e, "strerror", "") or "it is not text") from e


def _unusable(path: Path, why: str) -> BootstrapError:
    return BootstrapError(
        f"no credentials from {path}",
        code=Exit.CONFIG,
        why=why,
        fix="correct the credentials in the mirror rules, or log in with: docker login REGISTRY",
    )
