"""What one more control plane takes from the others: the CAs and keys that all share, and the members of their etcd."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.host.kube_client import KubeApi
from bootstrap.host.port import ApiResponse, HostReader
from bootstrap.joining.cluster import Reader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.phases.inputs import EtcdJoin
from bootstrap.phases.select import UPLOAD
from bootstrap.render.cluster.uploads import CERTIFICATES, shared_files, taken
from bootstrap.render.controlplane.etcd_member import DATA, etcdctl, first_met
from bootstrap.render.controlplane.static_pods import manifest_path, manifests_dir
from bootstrap.workflows.credentials import Credentials
from bootstrap.workflows.joining.asking import Asking, Said, status_line

SECRET = f"/api/v1/namespaces/kube-system/secrets/{CERTIFICATES}"
ETCD_PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd,tier%3Dcontrol-plane"
CLIENT_URLS = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
"""The annotation of etcd's Pods, kubeadm's and ours."""


def shared_credentials(host: HostReader, cfg: ClusterConfig, api: Reader | None) -> Mapping[str, bytes]:
    """Path → content of what is not here; `api` is None where nobody is asked.

    Raises BootstrapError: exit 3, 6, 7, 8 (this cluster cannot have two).
    """
    if not cfg.cluster.control_plane_endpoint:
        raise BootstrapError(
            "the cluster has no address that several control planes share",
            code=Exit.CONFLICT,
            why="controlPlaneEndpoint is empty: every node asks the first control plane by its own address",
            fix="on that one: bootstrap init --reconfigure --upload-certs --control-plane-endpoint HOST:PORT; "
            "then join with the line that it shows",
        )
    missing = lacking(host, cfg)
    if not missing:
        return {}
    if not cfg.run.certificate_key or api is None:
        raise BootstrapError(
            f"{', '.join(missing.values())}: not on this machine",
            code=Exit.CONFIG,
            why="all control planes share them",
            fix=f"on a control plane: {UPLOAD}; then join with the --certificate-key that it shows, or copy them here",
        )
    answer = api.get(SECRET)
    if answer.status != 200:
        raise BootstrapError(
            "the cluster has no uploaded certificates",
            code=Exit.API,
            why=str(answer.body.get("message") or "they stay for two hours"),
            fix=f"on a control plane: {UPLOAD}",
        )
    found = taken(answer.body.get("data") or {}, cfg.run.certificate_key)
    return {path: found[name] for name, path in missing.items() if name in found}


def lacking(host: HostReader, cfg: ClusterConfig) -> dict[str, str]:
    """What all control planes share and is not here: key in the Secret → path."""
    return {name: path for name, path in shared_files(cfg).items() if path and host.stat(path) is None}


def etcd_to_join(host: HostReader, cfg: ClusterConfig, issued: Credentials, said: Said) -> EtcdJoin:
    """Asks by the shared address, but nobody where this machine's member had a vote. Raises BootstrapError (exit 6)."""
    pki = f"{cfg.cluster.certificates_dir}/etcd"
    files = (f"{pki}/{name}" for name in ("ca.crt", "healthcheck-client.crt", "healthcheck-client.key"))
    directory, data = manifests_dir(cfg), cfg.local_etcd.data_dir if cfg.local_etcd else ""
    before = host.read(manifest_path("etcd", directory))
    met = first_met(before, cfg.node.name) if before and host.stat(f"{data}/{DATA}") else {}
    voted = bool(met) and host.stat(manifest_path("kube-apiserver", directory)) is not None
    command = etcdctl("etcdctl", *map(host.reach, files))
    return EtcdJoin(() if voted else _endpoints(cfg, issued, said), command, met, voted)


def _endpoints(cfg: ClusterConfig, issued: Credentials, said: Said) -> tuple[str, ...]:
    """Of the others, who say it some seconds after they began."""
    api = KubeApi(next(file.content for file in issued.kubeconfigs if file.path == names.ADMIN_CONF))
    asking = Asking(api, cfg.endpoint, cfg.run.timeouts.discovery, said)
    return _client_urls(asking.until(ETCD_PODS, lambda answer: _unknown(answer, cfg)), cfg)


def _unknown(answer: ApiResponse, cfg: ClusterConfig) -> str:
    if answer.status != 200:
        return status_line(answer)
    return "" if _client_urls(answer, cfg) else f"no other control plane's etcd says where it is ({CLIENT_URLS})"


def _client_urls(answer: ApiResponse, cfg: ClusterConfig) -> tuple[str, ...]:
    pods = answer.body.get("items", ()) if answer.status == 200 else ()
    found = {
        pod["spec"].get("nodeName", ""): pod["metadata"].get("annotations", {}).get(CLIENT_URLS, "") for pod in pods
    }
    return tuple(url for node, url in sorted(found.items()) if url and node != cfg.node.name)
