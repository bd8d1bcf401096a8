"""What a joining machine reads before it has any credential: cluster-info as nobody, and a discovery file by https.

Nothing proves who answers, so that no answer takes more memory or time than one that is right.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import requests
import urllib3
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url

from bootstrap.host.kube_client import memory_file, parsed, pause, reason
from bootstrap.host.port import ApiResponse
from bootstrap.host.registry.session import TlsSession
from bootstrap.model.errors import BootstrapError, Exit

T = TypeVar("T")
TIMEOUT = 10.0
"""Seconds for one request (kubeadm's client timeout)."""
MOST_BYTES = 256 * 1024
"""More than any cluster-info or kubeconfig has."""
MOST_REDIRECTS = 5


class UntrustedError(ConnectionError):
    """Who answers does not prove itself by the CA that it has to."""


class _TooMuchError(ConnectionError):
    """An answer that is longer than what was asked for can be."""


def ask_as_nobody(endpoint: str, path: str, ca: bytes | None = None, timeout: float = TIMEOUT) -> ApiResponse:
    """A GET that sends nothing secret; without `ca` nothing proves who answers.

    No proxy and no credential of the environment is used, and no redirect followed. Raises ConnectionError.
    """
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session = requests.Session()
    session.trust_env = False
    session.verify = f"/proc/self/fd/{memory_file(ca)}" if ca else False
    try:
        answer, content = _get(session, f"https://{endpoint}{path}", timeout, allow_redirects=False)
    except (requests.RequestException, OSError) as e:
        raise (UntrustedError if "CERTIFICATE_VERIFY_FAILED" in str(e) else ConnectionError)(reason(e)) from e
    if answer.status_code == requests.codes.too_many_requests:
        time.sleep(pause(answer.headers.get("Retry-After", "")))
    text = content.decode(errors="replace")
    return ApiResponse(answer.status_code, parsed(text), text)


def fetch_file(url: str) -> bytes:
    """A discovery file from a web server, proven by the authorities that this program comes with.

    Raises BootstrapError (exit 3): not https all the way, not there, too large.
    """
    session = TlsSession(lambda where: _not_taken(where, "it redirects from https to something else"))
    session.max_redirects = MOST_REDIRECTS
    try:
        answer, content = _get(session, url, TIMEOUT, auth=_login_in(url))
    except (requests.RequestException, OSError, ValueError) as e:
        raise _not_taken(url, reason(e)) from e
    if answer.status_code != requests.codes.ok:
        raise _not_taken(url, f"the server said {answer.status_code} {answer.reason}")
    return content


def _get(session: requests.Session, url: str, timeout: float, **options: Any) -> tuple[requests.Response, bytes]:
    """The answer and its body. Raises requests' errors and OSError."""
    ends = time.monotonic() + timeout

    def ask() -> tuple[requests.Response, bytes]:
        with session, session.get(url, timeout=timeout, stream=True, **options) as answer:
            return answer, _body(answer, ends)

    session.headers["Accept-Encoding"] = "identity"
    return _in_time(timeout, ask)


def _body(answer: requests.Response, ends: float) -> bytes:
    content = bytearray()
    for piece in answer.iter_content(1 << 14):
        content += piece
        if len(content) > MOST_BYTES:
            raise _TooMuchError(f"it sent more than {MOST_BYTES >> 10} KiB")
        if time.monotonic() > ends:
            raise TimeoutError
    return bytes(content)


def _in_time(seconds: float, ask: Callable[[], T]) -> T:
    """What `ask` returns or raises; after so long TimeoutError, and it is left to itself.

    A time limit of sockets is one for each of their reads: whoever sends a byte now and then keeps them for ever.
    """
    ended: Future[T] = Future()

    def work() -> None:
        try:
            ended.set_result(ask())
        except BaseException as e:
            ended.set_exception(e)

    threading.Thread(target=work, daemon=True).start()
    try:
        return ended.result(seconds)
    except TimeoutError:
        raise TimeoutError("timed out") from None


class _Nobody(AuthBase):
    """Keeps a .netrc from being looked into."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _login_in(url: str) -> AuthBase:
    user, password = get_auth_from_url(url)
    return HTTPBasicAuth(user, password) if user or password else _Nobody()


def _not_taken(where: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"nothing to join by was had from {where}",
        code=Exit.CONFIG,
        why=why,
        fix="correct the address, or bring the file here and give its path: --discovery-file /PATH",
    )
