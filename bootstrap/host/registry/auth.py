"""Answers to a registry's challenges: a Bearer token from the server that one names, or Basic."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from bootstrap.host.registry.challenges import challenges
from bootstrap.host.registry.credentials import login_for
from bootstrap.host.registry.limits import passing
from bootstrap.host.registry.words import said
from bootstrap.model.images.mirrors import Login, Server

CLIENT_ID = "bootstrap"
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
        self.refusal = ""
        """What the token server said when it gave none."""

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

    def answer(self, header: str, scope: str) -> None:
        """Gets what a challenge asks for, a token before a password: who allows both gives tokens to anybody.

        Without success the header stays away and the server says 401 again.
        """
        login, self.refusal = self._login(), ""
        asked = challenges(header)
        for challenge in asked:
            may_ask = challenge.scheme == "bearer" and self._may_ask(challenge.parameters.get("realm", ""))
            if may_ask and (token := self._token(challenge.parameters, scope, login)):
                self._headers[scope] = f"Bearer {token}"
                return
        if login and any(challenge.scheme == "basic" for challenge in asked):
            self._headers[scope] = _basic(login)

    def _may_ask(self, realm: str) -> bool:
        """Credentials for a server with TLS do not go to a token server without."""
        scheme = urlsplit(realm).scheme
        return scheme == "https" or (scheme == "http" and self._server.plain_http)

    def _token(self, parameters: Mapping[str, str], scope: str, login: Login | None) -> str:
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
            body = answer.json() if answer.ok else None
        except (requests.RequestException, RecursionError):
            body = None
        if not isinstance(body, dict):
            words = said(answer)
            self.refusal = f"its token server {urlsplit(realm).netloc} answers {answer.status_code}" + (
                f": {words}" if words else ""
            )
            return ""
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
