"""kubeadm's default flags of the control plane; extraArgs come on top (render.args), ours (own) and the user's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.render.addresses import loopback, url_host
from bootstrap.render.controlplane.args import last_value

NOBODY: Mapping[str, str] = MappingProxyType({})


def apiserver_flags(cfg: ClusterConfig) -> dict[str, str]:
    """kube-apiserver."""
    pki = cfg.cluster.certificates_dir
    defaults = {
        "advertise-address": cfg.api.advertise_address,
        "allow-privileged": "true",
        "client-ca-file": f"{pki}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "kubelet-client-certificate": f"{pki}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{pki}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{pki}/front-proxy-client.crt",
        "proxy-client-key-file": f"{pki}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(cfg.api.bind_port),
        "service-account-issuer": f"https://kubernetes.default.svc.{cfg.cluster.networking.dns_domain}",
        "service-account-key-file": f"{pki}/sa.pub",
        "service-account-signing-key-file": f"{pki}/sa.key",
        "service-cluster-ip-range": cfg.cluster.networking.service_subnet,
        "tls-cert-file": f"{pki}/apiserver.crt",
        "tls-private-key-file": f"{pki}/apiserver.key",
        **_etcd_client_flags(cfg),
    }
    if not any(arg.name == "authorization-config" for arg in cfg.cluster.api_server.extra_args):
        defaults["authorization-mode"] = "Node,RBAC"
    return defaults


def _etcd_client_flags(cfg: ClusterConfig) -> dict[str, str]:
    """How the API server reaches etcd: only the member beside it, or the external endpoints."""
    if isinstance(cfg.cluster.etcd, LocalEtcd):
        pki = cfg.cluster.certificates_dir
        local = f"https://{url_host(loopback(cfg))}:{names.ETCD_CLIENT_PORT}"
        return {
            "etcd-servers": last_value(cfg.cluster.etcd.extra_args, "advertise-client-urls", local),
            "etcd-cafile": f"{pki}/etcd/ca.crt",
            "etcd-certfile": f"{pki}/apiserver-etcd-client.crt",
            "etcd-keyfile": f"{pki}/apiserver-etcd-client.key",
        }
    found = {"etcd-servers": ",".join(cfg.cluster.etcd.endpoints)}
    if cfg.cluster.etcd.ca_file:
        found["etcd-cafile"] = cfg.cluster.etcd.ca_file
    if cfg.cluster.etcd.cert_file and cfg.cluster.etcd.key_file:
        found |= {"etcd-certfile": cfg.cluster.etcd.cert_file, "etcd-keyfile": cfg.cluster.etcd.key_file}
    return found


def controller_manager_flags(cfg: ClusterConfig, signing: str) -> dict[str, str]:
    """kube-controller-manager; `signing` is the file (without extension) of the CA that it signs with, empty: none."""
    pki = cfg.cluster.certificates_dir
    defaults = _client_flags(names.CONTROLLER_MANAGER_CONF) | {
        "client-ca-file": f"{pki}/ca.crt",
        "cluster-name": cfg.cluster.cluster_name,
        "cluster-signing-cert-file": f"{pki}/{signing}.crt" if signing else "",
        "cluster-signing-key-file": f"{pki}/ca.key" if signing else "",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "root-ca-file": f"{pki}/ca.crt",
        "service-account-private-key-file": f"{pki}/sa.key",
        "use-service-account-credentials": "true",
    }
    if cfg.cluster.networking.pod_subnet:
        defaults |= {
            "allocate-node-cidrs": "true",
            "cluster-cidr": cfg.cluster.networking.pod_subnet,
            "service-cluster-ip-range": cfg.cluster.networking.service_subnet,
        }
    return defaults


def scheduler_flags() -> dict[str, str]:
    """kube-scheduler."""
    return _client_flags(names.SCHEDULER_CONF)


def _client_flags(kubeconfig: str) -> dict[str, str]:
    """What the controller manager and the scheduler share."""
    return {
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "kubeconfig": kubeconfig,
        "leader-elect": "true",
    }


def etcd_flags(cfg: ClusterConfig, etcd: LocalEtcd, members: Mapping[str, str] = NOBODY) -> dict[str, str]:
    """The first member of a local etcd, or one more: then `members` are the others, name → peer URL."""
    pki, local = f"{cfg.cluster.certificates_dir}/etcd", url_host(loopback(cfg))
    client, peer = etcd_url(cfg, names.ETCD_CLIENT_PORT), etcd_url(cfg, names.ETCD_PEER_PORT)
    joined = {"initial-cluster-state": "existing"} if members else {}
    return {
        "advertise-client-urls": client,
        "cert-file": f"{pki}/server.crt",
        "client-cert-auth": "true",
        "data-dir": etcd.data_dir,
        "feature-gates": "InitialCorruptCheck=true",
        "initial-advertise-peer-urls": peer,
        "initial-cluster": ",".join(f"{name}={url}" for name, url in {**members, cfg.node.name: peer}.items()),
        "key-file": f"{pki}/server.key",
        "listen-client-urls": f"https://{local}:{names.ETCD_CLIENT_PORT},{client}",
        "listen-metrics-urls": f"http://{local}:{names.ETCD_METRICS_PORT}",
        "listen-peer-urls": peer,
        "name": cfg.node.name,
        "peer-cert-file": f"{pki}/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{pki}/peer.key",
        "peer-trusted-ca-file": f"{pki}/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{pki}/ca.crt",
        "watch-progress-notify-interval": "5s",
        **joined,
    }


def etcd_url(cfg: ClusterConfig, port: int) -> str:
    """This node's etcd, for clients or peers, by `port`."""
    return f"https://{url_host(cfg.api.advertise_address)}:{port}"
