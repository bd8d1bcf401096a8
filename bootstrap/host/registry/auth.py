"""Answers to a registry's challenge: Basic, or a Bearer token from the server that the challenge names."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from bootstrap.host.registry.credentials import login_for
from bootstrap.host.registry.limits import passing
from bootstrap.model.images.mirrors import Login, Server

CLIENT_ID = "bootstrap"
_PARAMETER = re.compile(r'([a-zA-Z]+)="([^"]*)"')
_UNASKED = object()
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class Authorizer:
    """Keeps the Authorization header of each scope (`repository:NAME:pull`) of one server."""

    def __init__(self, server: Server, request: Callable[..., requests.Response]) -> None:
        """`request` (method, URL, auth, options of requests) is how the transport asks."""
        self._server = server
        self._request = request
        self._headers: dict[str, str] = {}
        self._found: Any = _UNASKED

    @property
    def has_login(self) -> bool:
        return self._login() is not None

    def header(self, scope: str) -> Auth:
        """For requests' `auth`: also without a login, or requests would take one from ~/.netrc."""
        value = self._headers.get(scope)

        def put(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if value:
                request.headers["Authorization"] = value
            return request

        return put

    def answer(self, challenge: str, scope: str) -> None:
        """Gets what the challenge asks for; without success the header stays away and the server says 401 again."""
        kind, _, rest = challenge.partition(" ")
        parameters = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
        login = self._login()
        if kind.lower() == "basic" and login:
            self._headers[scope] = _basic(login)
        may_ask = kind.lower() == "bearer" and self._may_ask(parameters.get("realm", ""))
        if may_ask and (token := self._token(parameters, scope, login)):
            self._headers[scope] = f"Bearer {token}"

    def _may_ask(self, realm: str) -> bool:
        """Credentials for a server with TLS do not go to a token server without."""
        scheme = urlsplit(realm).scheme
        return scheme == "https" or (scheme == "http" and self._server.plain_http)

    def _token(self, parameters: dict[str, str], scope: str, login: Login | None) -> str:
        """The distribution specification's token endpoint; an identity token goes its OAuth2 way."""
        realm, service = parameters["realm"], parameters.get("service", "")
        wanted = {"service": service, "scope": parameters.get("scope") or scope}
        if login and login.identity_token:
            form = {
                **wanted,
                "grant_type": "refresh_token",
                "client_id": CLIENT_ID,
                "refresh_token": login.identity_token,
            }
            answer = self._request("POST", realm, _bare, data=form)
        else:
            headers = {"Authorization": _basic(login)} if login else {}
            answer = self._request("GET", realm, _bare, params=wanted, headers=headers)
        if error := passing(urlsplit(realm).netloc, answer):
            raise error
        try:
            body = answer.json() if answer.ok else {}
        except requests.JSONDecodeError:
            body = {}
        return str(body.get("token") or body.get("access_token") or "")

    def _login(self) -> Login | None:
        if self._found is _UNASKED:
            self._found = login_for(self._server)
        found: Login | None = self._found
        return found


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def _bare(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
