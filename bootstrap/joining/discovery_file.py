"""A kubeconfig that somebody hands to a machine so that it may join: server, CA and perhaps who asks."""

from __future__ import annotations

from base64 import b64decode

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit

CREDENTIALS = (("token",), ("client-certificate-data", "client-key-data"))
"""Fields of a user that are credentials by themselves. Others run programs, or name files of another machine."""


def cluster_of(content: bytes, where: str, token: str) -> TrustedCluster:
    """`token` joins where the file has no user. Raises BootstrapError (exit 3).

    A file of one cluster without contexts is a copy of cluster-info, as kubeadm takes it too.
    """
    try:
        cluster, user = _current(content)
        server, ca = cluster["server"], b64decode(cluster["certificate-authority-data"], validate=True)
    except (ValueError, KeyError, TypeError) as e:
        raise _refused(where, f"it is no kubeconfig with a server and its embedded CA: {e}") from None
    if not isinstance(server, str) or not server.startswith("https://"):
        raise _refused(where, f'its server "{str(server)[:80]}" is not https')
    found = next((names for names in CREDENTIALS if all(isinstance(user.get(n), str) for n in names)), ())
    if user and not found:
        raise _refused(where, f"its user has {', '.join(sorted(user))}: nothing is run, and no other file is read")
    if not found and not token:
        raise _refused(where, "it has no user, so a token is needed: --tls-bootstrap-token")
    own = tuple((name, user[name]) for name in found)
    return TrustedCluster(server, ca, "" if own else token, own)


def _current(content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    try:
        document = parse_one(content)
    except UnreadableError as e:
        raise ValueError(str(e.problem)) from None
    if isinstance(document, dict) and not document.get("contexts"):
        (entry,) = document["clusters"]
        return entry["cluster"], {}
    current = read_kubeconfig(content)
    return current.cluster, current.user


def _refused(where: str, why: str) -> BootstrapError:
    return BootstrapError(
        f"{where} is nothing to join by",
        code=Exit.CONFIG,
        why=why,
        fix="take cluster-info of the cluster: kubectl -n kube-public get configmap cluster-info "
        "-o jsonpath={.data.kubeconfig}",
    )
