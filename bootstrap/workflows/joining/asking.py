"""What a joining machine asks of the cluster that it believes: again, while that is away or has too much to do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tenacity import retry_if_exception_type

from bootstrap.engine.polling import NotYet, retried
from bootstrap.host.port import ApiResponse
from bootstrap.host.registry.words import words_of
from bootstrap.joining.cluster import Reader
from bootstrap.model.errors import BootstrapError, Exit

PAUSE = 0.5
"""Seconds between looks; kubeadm's are 5 s apart."""
PASSING = (429, 500, 502, 503, 504)
"""Statuses that another try may cure."""

LIVEZ = "/livez"
NO_QUORUM = "its API server runs, but etcd takes nothing: too few of its members run (no quorum)"
BRING_BACK = (
    "start the other control planes again, until more than half of them run (if they are gone for good, on one that is "
    "left: bootstrap etcd recover), then run the same command again"
)

Said = Callable[[str], None]
"""Told what was last seen, while the cluster is waited for."""


def unheard(seen: str) -> None:
    """For who shows nothing."""


class Watched:
    """What is seen of a cluster that does not answer as it should.

    An API server without its etcd keeps silent for a minute, forbids all, and is started anew now and then, so that
    what it says of itself is asked too, and kept.
    """

    def __init__(self, livez: Callable[[], ApiResponse], said: Said) -> None:
        self._livez, self._said = livez, said
        self._last = ""
        self._no_quorum = False

    def saw(self, seen: str, *, sick: bool = True) -> str:
        """`sick` unless the API server works."""
        self._no_quorum = sick and (self._has_no_etcd() or self._no_quorum)
        self._last = f"{NO_QUORUM}; {seen}" if self._no_quorum else seen
        self._said(self._last)
        return self._last

    def _has_no_etcd(self) -> bool:
        try:
            return "[-]etcd failed" in self._livez().text
        except ConnectionError:
            return False

    def in_vain(self, what: str, seconds: float, fix: str) -> BootstrapError:
        """What a join that has waited for so long ends with; `fix` where etcd is not the cause."""
        return BootstrapError(
            f"{what} within {seconds:.0f} s",
            code=Exit.WAIT,
            why=f"last seen: {self._last}",
            fix=BRING_BACK if self._no_quorum else fix,
        )


class Asking:
    """Answers that do not pass by themselves, of a cluster at `endpoint`. Raises BootstrapError (exit 6).

    `seconds` is for each question; `found_at` is the address by which it was found, where that may be another one.
    """

    def __init__(self, api: Reader, endpoint: str, seconds: float, said: Said, found_at: str = "") -> None:
        self._api, self._endpoint, self._seconds = api, endpoint, seconds
        self._found_at = found_at or endpoint
        self._watched = Watched(lambda: api.get(LIVEZ), said)

    def get(self, path: str) -> ApiResponse:
        return self.until(path, lambda answer: "")

    def until(self, path: str, missing: Callable[[ApiResponse], str]) -> ApiResponse:
        """The first answer of which `missing` says nothing."""

        def ask() -> ApiResponse:
            try:
                answer: ApiResponse = self._api.get(path)
            except ConnectionError as e:
                raise NotYet(self._watched.saw(str(e))) from e
            if answer.status in PASSING:
                raise NotYet(self._watched.saw(status_line(answer)))
            if seen := missing(answer):
                raise NotYet(self._watched.saw(seen, sick=False))
            return answer

        try:
            return retried(ask, retry_if_exception_type(NotYet), self._seconds, threading.Event(), PAUSE)
        except NotYet:
            what = f"the cluster at {self._endpoint} did not say what it is"
            fix = "look at it on a control plane: bootstrap diagnose; then run the same command again"
            if self._found_at != self._endpoint:
                fix = (
                    f"cluster-info names {self._endpoint}, and it was found at {self._found_at}: this machine has to "
                    "reach both (a route, a firewall, a name), or the cluster needs another controlPlaneEndpoint"
                )
            raise self._watched.in_vain(what, self._seconds, fix) from None


def status_line(answer: ApiResponse) -> str:
    """An answer that is not what was asked for, in one line."""
    words = words_of(answer.text.encode())
    return f"HTTP {answer.status}" + (f": {words}" if words else "")
