"""Kubelets that wait for what they serve with, as this control plane sees them."""

from __future__ import annotations

import time
from datetime import datetime

from bootstrap.diagnosis.evidence import Unsigned
from bootstrap.formats.kubeconfig import inlined
from bootstrap.host.facts.places import places
from bootstrap.host.facts.pods import NODES
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError
from bootstrap.render.pki.certs import certificate_info
from bootstrap.render.pki.serving import SERVING, is_pending, refusal

PATIENCE = 20.0
"""Seconds that a request may wait: a node that has just come may lack the addresses that it asks for."""


def protected_names(host: HostReader) -> tuple[str, ...]:
    """What the API server beside us is known by."""
    pem = host.read(f"{places(host).certificates}/apiserver.crt")
    return certificate_info(pem).sans if pem else ()


def unsigned(host: HostReader) -> tuple[Unsigned, ...]:
    """Requests that nobody has judged for a while; none where nobody can be asked."""
    content = host.read(names.SUPER_ADMIN_CONF) or host.read(names.ADMIN_CONF)
    if not content:
        return ()
    from bootstrap.host.kube_client import KubeApi  # as in host.facts.pods

    try:
        api = KubeApi(inlined(content, host.read))
        waiting = [each for each in api.get(SERVING).body.get("items") or () if is_pending(each)]
        nodes = api.get(NODES).body.get("items") or () if waiting else ()
    except (BootstrapError, ConnectionError, ValueError):
        return ()
    protected, late = protected_names(host), time.time() - PATIENCE
    return tuple(
        Unsigned(each["metadata"]["name"], each["spec"]["username"], refusal(each, nodes, protected))
        for each in waiting
        if datetime.fromisoformat(each["metadata"]["creationTimestamp"]).timestamp() < late
    )
