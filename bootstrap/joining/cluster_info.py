"""What a joining machine believes of `cluster-info`: signed with its token, of the pinned CA (kubeadm's order).

The ConfigMap is read over a connection that nothing proves, so that nothing of it counts before both are checked, and
nothing secret is sent before that.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from bootstrap.formats import yaml_reader
from bootstrap.joining.trust import only_cluster, server_and_ca
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.joining import public_key_hashes

BEGINNING = timedelta(minutes=2)
PATH = "/api/v1/namespaces/kube-public/configmaps/cluster-info"


def signature(kubeconfig: str, token: str) -> str:
    """The JWS (RFC 7515, compact, payload detached, HS256) that the controller manager's bootstrapsigner makes."""
    identifier, secret = token.split(".")
    header = _encoded(json.dumps({"alg": "HS256", "kid": identifier}, separators=(",", ":")).encode())
    signed = hmac.digest(secret.encode(), f"{header}.{_encoded(_bytes(kubeconfig))}".encode(), "sha256")
    return f"{header}..{_encoded(signed)}"


def data_of(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """The texts of a ConfigMap; of what somebody else says instead of one, none."""
    data = answer.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("kubeconfig"), str):
        return {}
    return {key: value for key, value in data.items() if isinstance(value, str)}


def is_signed(data: Mapping[str, str], token: str) -> bool:
    """Whether cluster-info has a signature of this token already; the controller manager adds it within a second.

    Raises BootstrapError (exit 7) when there is one, and it does not fit.
    """
    found = data.get(f"jws-kubeconfig-{token.partition('.')[0]}")
    if found is None:
        return False
    if hmac.compare_digest(_bytes(found), signature(data.get("kubeconfig", ""), token).encode()):
        return True
    raise BootstrapError(
        "the signature of cluster-info was not made with this token",
        code=Exit.API,
        why="the second half of the token is wrong, or something between here and the cluster changes what it says",
        fix="compare the token: bootstrap token list (on a control plane)",
    )


def is_young(cluster_info: Mapping[str, Any], now: datetime) -> bool:
    """Whether the cluster has begun a moment ago, so that its controller manager may not have been started yet.

    Nothing but a wait hangs on it, since nothing proves what it says.
    """
    try:
        age = now - datetime.fromisoformat(cluster_info["metadata"]["creationTimestamp"])
    except (KeyError, TypeError, ValueError):
        return False
    return abs(age) < BEGINNING


def trusted(kubeconfig: str, pins: Sequence[str]) -> TrustedCluster:
    """The one cluster that a signed kubeconfig names. With `pins` (`sha256:HEX`) its CA has to be one of them.

    Raises BootstrapError (exit 7).
    """
    found, hashes = _only_cluster(kubeconfig)
    if pins and not {pin.lower() for pin in pins} & set(hashes):
        raise BootstrapError(
            "the cluster's CA is not the pinned one",
            code=Exit.API,
            why=f"its public key is {' and '.join(hashes)}; nothing secret was sent to it",
            fix="take the whole line from a control plane of the cluster that is meant: "
            "bootstrap token create --print-join-command",
        )
    return found


def _only_cluster(kubeconfig: str) -> tuple[TrustedCluster, tuple[str, ...]]:
    """The cluster, and the hashes of its CA's public keys."""
    try:
        server, ca = server_and_ca(only_cluster(yaml_reader.parse_one(kubeconfig.encode())))
        return TrustedCluster(server, ca), public_key_hashes(ca)
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm) as e:
        raise BootstrapError(
            "cluster-info does not name one cluster with an https server and its CA",
            code=Exit.API,
            why=str(e) if isinstance(e, ValueError) else "",
            fix="look at it on a control plane: kubectl -n kube-public get configmap cluster-info -o yaml",
        ) from None


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Of what JSON can hold, which is more than UTF-8."""
    return text.encode(errors="surrogatepass")
