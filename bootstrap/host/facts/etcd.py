"""What an external etcd says of itself."""

from __future__ import annotations

import requests

from bootstrap.host.kube_client import memory_file
from bootstrap.host.port import HostReader
from bootstrap.model.cluster import ExternalEtcd

ANSWER_TIME = 5.0
"""Seconds (kubeadm tries four times for 10 s)."""


def etcd_versions(host: HostReader, etcd: ExternalEtcd) -> dict[str, str]:
    """The server's version at each endpoint, or `error: …`."""
    session = requests.Session()
    session.trust_env = False
    ca, cert, key = (host.read(p) if p else None for p in (etcd.ca_file, etcd.cert_file, etcd.key_file))
    if ca:
        session.verify = f"/proc/self/fd/{memory_file(ca)}"
    if cert and key:
        session.cert = (f"/proc/self/fd/{memory_file(cert)}", f"/proc/self/fd/{memory_file(key)}")
    return {endpoint: _version(session, endpoint) for endpoint in etcd.http_endpoints or etcd.endpoints}


def _version(session: requests.Session, endpoint: str) -> str:
    try:
        answer = session.get(f"{endpoint.rstrip('/')}/version", timeout=ANSWER_TIME)
        return str(answer.json()["etcdserver"])
    except (requests.RequestException, OSError, ValueError, KeyError, TypeError) as e:
        return f"error: {type(e).__name__}: {str(e)[:160]}"
