"""Requests of kubelets for what they serve with: once, by an administrator, or for ever, by the unit."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from bootstrap.engine.serving import Verdict, judge, waiting
from bootstrap.formats.kubeconfig import inlined
from bootstrap.host.facts.serving import protected_names
from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.serving import SERVING
from bootstrap.workflows.api_access import administrator

IDLE, SOON = 600, 5
"""Seconds until everything is looked at again where nothing changes: a node may come to have what it asked for."""
NEW = timedelta(minutes=5)
PAUSE = 2.0
"""Seconds until an API server that is away is asked again."""


def approve(host: HostReader, kubeconfig: str, *, dry_run: bool) -> list[Verdict]:
    """Raises BootstrapError: exit 3, 7, 8 (no control plane)."""
    api = administrator(host, kubeconfig)
    try:
        return judge(api, waiting(api)[0], protected_names(host), dry_run=dry_run)
    except ConnectionError as e:
        raise BootstrapError(
            "the API server does not answer", code=Exit.API, why=str(e), fix="bootstrap diagnose"
        ) from None


def follow(host: HostReader) -> NoReturn:
    """By the controller manager's credential, which is renewed with the others."""
    kubeconfig, api, said = b"", None, ""
    while True:
        try:
            found = host.read(names.CONTROLLER_MANAGER_CONF) or b""
            if api is None or found != kubeconfig:
                kubeconfig, api = found, KubeApi(inlined(found, host.read))
            said = _round(host, api, said)
        except (BootstrapError, ConnectionError, ValueError) as e:
            said = _told(f"{e.what}: {e.why}" if isinstance(e, BootstrapError) else str(e), said)
            time.sleep(PAUSE)


def _round(host: HostReader, api: KubeApi, said: str) -> str:
    """Judges what waits, and waits until there is more; returns what was told last."""
    requests, version = waiting(api)
    verdicts = judge(api, requests, protected_names(host))
    said = _told("\n".join(map(line, verdicts)), said)
    later = any(verdict.refusal and _is_new(verdict) for verdict in verdicts)
    api.wait_for_change(SERVING, version, SOON if later else IDLE)
    return said


def _told(news: str, said: str) -> str:
    """Into the journal, once."""
    if news and news != said:
        print(news, flush=True)
    return news


def line(verdict: Verdict) -> str:
    """As people read it."""
    said = f"is left: {verdict.refusal}" if verdict.refusal else "approved"
    return f"{verdict.request} of node {verdict.node} {said}"


def _is_new(verdict: Verdict) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(verdict.made) < NEW
