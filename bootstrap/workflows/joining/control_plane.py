"""What one more control plane takes from the others: the CAs and keys that all share, and the members of their etcd."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.phases.inputs import EtcdJoin
from bootstrap.phases.select import UPLOAD
from bootstrap.render.cluster.uploads import CERTIFICATES, shared_files, taken
from bootstrap.render.controlplane.etcd_member import etcdctl
from bootstrap.workflows import api_access
from bootstrap.workflows.credentials import Credentials

SECRET = f"/api/v1/namespaces/kube-system/secrets/{CERTIFICATES}"
ETCD_PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd,tier%3Dcontrol-plane"
CLIENT_URLS = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
"""The annotation of etcd's Pods, kubeadm's and ours."""


def shared_credentials(host: HostReader, cfg: ClusterConfig, cluster: TrustedCluster | None) -> Mapping[str, bytes]:
    """Path → content of what is not here. Raises BootstrapError: exit 3, 7, 8 (this cluster cannot have two)."""
    if not cfg.cluster.control_plane_endpoint:
        raise BootstrapError(
            "the cluster has no address that several control planes share",
            code=Exit.CONFLICT,
            why="controlPlaneEndpoint is empty: every node asks the first control plane by its own address",
            fix="on that one: bootstrap init --reconfigure --control-plane-endpoint HOST:PORT",
        )
    missing = {name: path for name, path in shared_files(cfg).items() if path and host.stat(path) is None}
    if not missing:
        return {}
    if not cfg.run.certificate_key or cluster is None:
        raise BootstrapError(
            f"{', '.join(missing.values())}: not on this machine",
            code=Exit.CONFIG,
            why="all control planes share them",
            fix=f"on a control plane: {UPLOAD}; then join with the --certificate-key that it shows, or copy them here",
        )
    answer = api_access.joining(cluster).get(SECRET)
    if answer.status != 200:
        raise BootstrapError(
            "the cluster has no uploaded certificates",
            code=Exit.API,
            why=str(answer.body.get("message") or "they stay for two hours"),
            fix=f"on a control plane: {UPLOAD}",
        )
    found = taken(answer.body.get("data") or {}, cfg.run.certificate_key)
    return {path: found[name] for name, path in missing.items() if name in found}


def etcd_to_join(host: HostReader, cfg: ClusterConfig, issued: Credentials) -> EtcdJoin:
    """Asks the administrator's way, through the address that all share. Raises BootstrapError (exit 7)."""
    pki = f"{cfg.cluster.certificates_dir}/etcd"
    files = (f"{pki}/{name}" for name in ("ca.crt", "healthcheck-client.crt", "healthcheck-client.key"))
    return EtcdJoin(_endpoints(cfg, issued), etcdctl("etcdctl", *map(host.reach, files)))


def _endpoints(cfg: ClusterConfig, issued: Credentials) -> tuple[str, ...]:
    admin = next(file.content for file in issued.kubeconfigs if file.path == names.ADMIN_CONF)
    try:
        answer = KubeApi(admin).get(ETCD_PODS)
    except ConnectionError:
        return ()  # a machine that has joined goes on without the others
    pods = answer.body.get("items", ()) if answer.status == 200 else ()
    found = {
        pod["spec"].get("nodeName", ""): pod["metadata"].get("annotations", {}).get(CLIENT_URLS, "") for pod in pods
    }
    return tuple(url for node, url in sorted(found.items()) if url and node != cfg.node.name)
