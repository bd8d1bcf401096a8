"""Finding the cluster to join, and waiting for it: it may be started later than who joins it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tenacity import RetryError, retry_if_result, wait_fixed

from bootstrap.engine.polling import Paced
from bootstrap.host.discovery import ask_as_nobody, fetch_file
from bootstrap.host.port import HostReader
from bootstrap.joining.cluster_info import PATH, is_signed, trusted
from bootstrap.joining.discovery_file import cluster_of
from bootstrap.model.discovery import Discovery, TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit

PAUSE = 0.5
"""Seconds between looks; kubeadm's are 5 s apart."""
UNSIGNED = 30.0
"""Seconds after which a token that cluster-info is not signed with is not there: the controller manager signs it within
a second of its making, also when that was before cluster-info."""

Said = Callable[[str], None]
"""Told what was last seen, while the cluster is waited for."""


def discover(host: HostReader, wanted: Discovery, said: Said) -> TrustedCluster:
    """Raises BootstrapError: exit 6 when no cluster answered in time, 7 when it is not believed."""
    if wanted.file:
        return cluster_of(_read(host, wanted.file), wanted.file, wanted.tls_bootstrap_token)
    found = _Search(wanted, said)
    try:
        Paced(found.look, wait_fixed(PAUSE)).repeat(retry_if_result(bool), wanted.timeout, threading.Event())
    except RetryError as e:
        raise _not_found(wanted, e.last_attempt.result()) from None
    return found.proven()


class _Search:
    """`look` says what is missing, empty when cluster-info has been seen with a good signature."""

    def __init__(self, wanted: Discovery, said: Said) -> None:
        self._wanted, self._said = wanted, said
        self._kubeconfig = ""
        self._unsigned_since = 0.0

    def look(self) -> str:
        missing = self._look()
        if missing:
            self._said(missing)
        return missing

    def _look(self) -> str:
        try:
            answer = ask_as_nobody(self._wanted.endpoint, PATH)
        except ConnectionError as e:
            return str(e)
        data = (answer.found or {}).get("data") or {}
        if not data:
            return f"it answers, and has no cluster-info yet (HTTP {answer.status})"
        if not is_signed(data, self._wanted.token):
            return self._not_signed()
        self._kubeconfig = data["kubeconfig"]
        return ""

    def _not_signed(self) -> str:
        identifier = self._wanted.token.partition(".")[0]
        self._unsigned_since = self._unsigned_since or time.monotonic()
        if time.monotonic() - self._unsigned_since > UNSIGNED:
            raise BootstrapError(
                f"the cluster knows no token {identifier}",
                code=Exit.API,
                why="it was never made there, has expired, or was deleted; nothing secret was sent",
                fix="on a control plane: bootstrap token create --print-join-command",
            )
        return f"cluster-info is not signed with the token {identifier} yet"

    def proven(self) -> TrustedCluster:
        """Once more, by the CA that it named. Raises BootstrapError (exit 7)."""
        wanted = self._wanted
        found = trusted(self._kubeconfig, wanted.pins)
        try:
            again = (ask_as_nobody(wanted.endpoint, PATH, found.ca).found or {}).get("data", {}).get("kubeconfig")
        except ConnectionError as e:
            raise BootstrapError(
                f"{wanted.endpoint} does not prove itself with the cluster's CA",
                code=Exit.API,
                why=f"{e}; nothing secret was sent",
                fix="give the address of an API server itself, not of something between",
            ) from None
        if again != self._kubeconfig:
            raise BootstrapError(
                "cluster-info changed between two looks",
                code=Exit.API,
                why="something between here and the cluster changes it; nothing secret was sent",
                fix="run the same command again; if it stays so, look at what is between",
            )
        return TrustedCluster(found.server, found.ca, wanted.tls_bootstrap_token or wanted.token)


def _read(host: HostReader, source: str) -> bytes:
    if source.startswith("https://"):
        return fetch_file(source)
    content = host.read(source.removeprefix("file://"))
    if content is None:
        raise BootstrapError(
            f"cannot read {source}", code=Exit.CONFIG, fix="give the path of a kubeconfig: --discovery-file /PATH"
        )
    return content


def _not_found(wanted: Discovery, seen: str) -> BootstrapError:
    return BootstrapError(
        f"no cluster to join at {wanted.endpoint} within {wanted.timeout:.0f} s",
        code=Exit.WAIT,
        why=f"last seen: {seen}",
        fix=f"look from this machine: curl -k https://{wanted.endpoint}/livez; then run the same command again",
    )
