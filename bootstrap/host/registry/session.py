"""HTTP that does not leave TLS once it has begun with it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

import requests


class TlsSession(requests.Session):
    """A redirect from https leads to https, or is the error that `refused` makes of the address it came from."""

    def __init__(self, refused: Callable[[str], Exception]) -> None:
        super().__init__()
        self._refused = refused

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        leaves = target and not urljoin(resp.url, target).startswith("https:")
        if leaves and resp.url.startswith("https:"):
            raise self._refused(resp.url)
        return target
