"""Finding the cluster to join, and waiting for it: it may be started later than who joins it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tenacity import RetryError, retry_if_result, wait_fixed

from bootstrap.engine.polling import Paced
from bootstrap.host.discovery import TIMEOUT, UntrustedError, ask_as_nobody, fetch_file
from bootstrap.host.fs.given import contents
from bootstrap.host.port import ApiResponse, HostReader
from bootstrap.joining.cluster_info import PATH, data_of, is_signed, is_young, trusted
from bootstrap.joining.discovery_file import cluster_of
from bootstrap.model.discovery import Discovery, TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.joining.asking import LIVEZ, PAUSE, Said, Watched, status_line

LIVEZ_TIMEOUT = 5.0
"""Seconds; it takes 2 to say that etcd does not answer."""
UNSIGNED, UNSIGNED_YOUNG = 5.0, 30.0
"""Seconds after which a token that cluster-info is not signed with is not there: the controller manager signs it within
a second of its making, but must have been started first where a cluster begins."""


def discover(host: HostReader, wanted: Discovery, said: Said) -> TrustedCluster:
    """Raises BootstrapError: exit 6 when no cluster answered in time, 7 when it is not believed."""
    if wanted.file:
        return cluster_of(_read(host, wanted.file), wanted.file, wanted.tls_bootstrap_token)
    search = _Search(wanted, said)
    try:
        Paced(search.look, wait_fixed(PAUSE)).repeat(retry_if_result(bool), wanted.timeout, threading.Event())
    except RetryError:
        fix = f"look from this machine: curl -k https://{wanted.endpoint}/livez; then run the same command again"
        raise search.watched.in_vain(f"no cluster to join at {wanted.endpoint}", wanted.timeout, fix) from None
    return dataclasses.replace(search.found, token=wanted.tls_bootstrap_token or wanted.token)


class _Search:
    """`look` says what is missing; empty when the cluster is `found`: signed with the token, and proven by its CA."""

    found: TrustedCluster

    def __init__(self, wanted: Discovery, said: Said) -> None:
        self._wanted = wanted
        self.watched = Watched(lambda: ask_as_nobody(wanted.endpoint, LIVEZ, timeout=LIVEZ_TIMEOUT), said)
        self._ends = time.monotonic() + wanted.timeout
        self._unsigned_since = 0.0

    def look(self) -> str:
        """Raises BootstrapError (exit 7) as soon as there is something that is not to be believed."""
        try:
            return self._look()
        except UntrustedError as e:
            raise _unproven(self._wanted.endpoint, str(e)) from None
        except ConnectionError as e:
            return self.watched.saw(str(e))

    def _look(self) -> str:
        answer = self._ask()
        data = data_of(answer.found or {})
        if not data:
            return self.watched.saw(f"it answers, and has no cluster-info yet: {status_line(answer)}")
        if not is_signed(data, self._wanted.token):
            return self.watched.saw(self._not_signed(answer.body), sick=False)
        found = trusted(data["kubeconfig"], self._wanted.pins)
        again = self._ask(found.ca)
        if not (data_again := data_of(again.found or {})):
            return self.watched.saw(f"it answered, and then: {status_line(again)}")
        if data_again["kubeconfig"] != data["kubeconfig"]:
            return self.watched.saw("cluster-info changed between two looks", sick=False)
        self.found = found
        return ""

    def _ask(self, ca: bytes | None = None) -> ApiResponse:
        left = max(1.0, self._ends - time.monotonic())
        return ask_as_nobody(self._wanted.endpoint, PATH, ca, min(TIMEOUT, left))

    def _not_signed(self, cluster_info: Mapping[str, Any]) -> str:
        identifier = self._wanted.token.partition(".")[0]
        self._unsigned_since = self._unsigned_since or time.monotonic()
        patience = UNSIGNED_YOUNG if is_young(cluster_info, datetime.now(UTC)) else UNSIGNED
        if time.monotonic() - self._unsigned_since > patience:
            raise BootstrapError(
                f"the cluster knows no token {identifier}",
                code=Exit.API,
                why="it was never made there, has expired, or was deleted; nothing secret was sent",
                fix="on a control plane: bootstrap token create --print-join-command",
            )
        return f"cluster-info is not signed with the token {identifier} yet"


def _unproven(endpoint: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"{endpoint} does not prove itself with the cluster's CA",
        code=Exit.API,
        why=f"{why}; nothing secret was sent",
        fix="give the address of an API server itself, not of something between",
    )


def _read(host: HostReader, source: str) -> bytes:
    if source.startswith("https://"):
        return fetch_file(source)
    return contents(host, source.removeprefix("file://"), "give the path of a kubeconfig: --discovery-file /PATH")
