"""HTTP to one registry: logging in, waiting as told, giving up in time.

Every failure is a `RegistryError`; what passes by itself (429, 5xx, a cut or silent connection) is tried again within
the limits first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from bootstrap.host.registry.auth import Auth, Authorizer
from bootstrap.host.registry.limits import (
    Deadline,
    Limits,
    MissingError,
    PassingError,
    RegistryError,
    passing,
    status_line,
)
from bootstrap.host.registry.session import TlsSession
from bootstrap.host.registry.words import said
from bootstrap.model.images.mirrors import Server

T = TypeVar("T")


class Transport:
    """Requests to one server; may be used by several threads."""

    def __init__(self, server: Server, limits: Limits, deadline: Deadline) -> None:
        self.server = server
        self.limits = limits
        self.deadline = deadline
        self._session = TlsSession(_leaves_tls)
        self._verify = _authorities(server)
        self._session.headers["Accept-Encoding"] = "identity"
        self._authorizer = Authorizer(server, self._request)
        self._lock = threading.Lock()

    def open(
        self, path: str, scope: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> requests.Response:
        """An answer whose body is not read yet; its status is 200 or 206."""
        return self.persistently(lambda: self.once(path, scope, headers, method))

    def persistently(self, act: Callable[[], requests.Response]) -> requests.Response:
        """Tries again what failed in passing: as late as the server says, else later each time."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=self._enough,
            wait=self._pause,
            sleep=self.deadline.pause,
            reraise=True,
        )
        return retrying(act)

    def once(
        self, path: str, scope: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> requests.Response:
        """`open` without another try."""
        self.deadline.check(self.server.host)
        answer = self._send(method, path, scope, headers)
        if answer.status_code == 401:
            with self._lock:
                challenge = answer.headers.get("WWW-Authenticate", "")
                answer.close()
                self._authorizer.answer(challenge, scope)
            answer = self._send(method, path, scope, headers)
        if answer.status_code in (200, 206):
            return answer
        raise self._failure(answer, path)

    def _send(self, method: str, path: str, scope: str, headers: Mapping[str, str] | None) -> requests.Response:
        return self._request(method, f"{self.server.url}{path}", self._authorizer.header(scope), headers=headers)

    def _request(self, method: str, url: str, auth: Auth, **options: Any) -> requests.Response:
        """`verify` is said each time: a session's own gives way to REQUESTS_CA_BUNDLE."""
        left = max(self.deadline.left, 0.001)
        timeout = (min(self.limits.connect, left), min(self.limits.stall, left))
        return self._guarded(
            lambda: self._session.request(
                method, url, auth=auth, stream=True, timeout=timeout, verify=self._verify, **options
            )
        )

    def _guarded(self, act: Callable[[], T]) -> T:
        host = self.server.host
        try:
            return act()
        except requests.exceptions.SSLError as e:
            raise RegistryError(f"{host}: {_tls_reason(e)}") from e
        except requests.exceptions.ConnectTimeout as e:
            self.deadline.check(host)
            raise PassingError(f"{host}: no connection within {self.limits.connect:.0f} s", connected=False) from e
        except requests.exceptions.Timeout as e:
            self.deadline.check(host)
            raise PassingError(f"{host}: silent for {self.limits.stall:.0f} s") from e
        except requests.exceptions.ConnectionError as e:
            reason, connected = _connection_reason(e)
            raise PassingError(f"{host}: {reason}", connected=connected) from e
        except requests.exceptions.RequestException as e:
            raise RegistryError(f"{host}: {e}") from e

    def _failure(self, answer: requests.Response, path: str) -> RegistryError:
        host, status = self.server.host, answer.status_code
        if error := passing(host, answer):
            return error
        if status == 404:
            words = said(answer)
            return MissingError(f"{host}: does not have {path.removeprefix('/v2/')}" + (f": {words}" if words else ""))
        if status in (401, 403):
            known = "the credentials were refused" if self._authorizer.has_login else "it wants credentials"
            words = self._authorizer.refusal or said(answer)
            return RegistryError(f"{host}: {known} ({status})" + (f": {words}" if words else ""))
        return RegistryError(status_line(host, answer))

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        """No further try: there were enough of them, or the server wants more patience than there is."""
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, PassingError):
            return True
        wanted = error.retry_after
        if wanted is not None and wanted > min(self.limits.longest_wait, self.deadline.left):
            error.args = (f"{error.args[0]}, and asks to wait {wanted:.0f} s",)
            return True
        most = self.limits.attempts if error.connected else self.limits.unreachable_attempts
        return state.attempt_number >= most

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, PassingError) and error.retry_after is not None:
            return error.retry_after
        return min(tenacity.wait_random_exponential(multiplier=0.5, max=10)(state), max(self.deadline.left, 0))


def _leaves_tls(url: str) -> RegistryError:
    return RegistryError(f"{urlsplit(url).netloc}: redirects from https to plain http, which is refused")


def _authorities(server: Server) -> bool | str:
    """The system's certificate authorities, or only the one given for this server."""
    if not server.ca_file:
        return True
    if not Path(server.ca_file).is_file():
        raise RegistryError(f"{server.host}: caFile {server.ca_file} does not exist")
    return server.ca_file


def _tls_reason(error: Exception) -> str:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return "does not speak TLS; plainHTTP: true allows plain HTTP"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted; caFile names the authority that signed it"
    return f"TLS failed: {text[:160]}"


def _connection_reason(error: Exception) -> tuple[str, bool]:
    """What to say, and whether there was a connection at all."""
    text = str(error)
    for sign, meaning in (
        ("Unable to connect to proxy", "the HTTP proxy from the environment does not lead there"),
        ("NameResolutionError", "the name is not known to the resolver"),
        ("Connection refused", "refuses connections"),
        ("Network is unreachable", "the network is unreachable"),
        ("No route to host", "there is no route to it"),
    ):
        if sign in text:
            return meaning, False
    return "closed the connection", True
