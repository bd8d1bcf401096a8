"""One cluster of tests/parity/clusters rendered whole: files and API objects, with fixed keys and a fixed clock."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bootstrap.config import Overrides, load, resolve, to_cluster_configuration
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Directory, File
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.plan import Plan, Step
from bootstrap.model.runtime import HOST_RUNTIME as RUNTIME
from bootstrap.model.runtime import runtime_at
from bootstrap.render.addons import builtin
from bootstrap.render.cluster import objects
from bootstrap.render.controlplane import audit, static_pods
from bootstrap.render.controlplane.own import stored
from bootstrap.render.node import containerd, kubelet
from bootstrap.render.pki import certs, issue
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs
from bootstrap.render.pki.keys import CURVES, KeySource, PrivateKey, load_private
from tests.plans import new_inputs, planned

ROOT = Path(__file__).parents[2]
CLUSTERS = ROOT / "tests" / "parity" / "clusters"
EXPECTED = Path(__file__).parent / "expected"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST = HostFacts(mode="host", hostname="node-1", ca_directories=("/etc/ca-certificates",))
GUEST = "guest"
"""The name of the host-mode case."""
GUEST_HOST = HostFacts(
    mode="host",
    hostname="node-1",
    addresses=(Address("eth0", "192.0.2.10", default=False), Address("eth1", "198.51.100.7", default=False)),
    has_default_route=False,
    docker_user_chains=("iptables", "ip6tables"),
    cni_plugins=("bridge", "loopback"),
)
"""Docker runs there, and there is no default route."""
NODE = HostFacts(
    mode="node", hostname="node-1", cgroup_version=1, conntrack_writable=False, can_raise_oom=False, swap=("/dev/vda2",)
)


class FixedKeySource:
    """The same keys and serials each time (RSA: the same key for everything, new in each process)."""

    def __init__(self) -> None:
        self.count = 0

    def new(self, algorithm: str) -> PrivateKey:
        self.count += 1
        if algorithm not in CURVES:
            return _rsa()
        digest = hashlib.sha256(f"key {self.count}".encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest), CURVES[algorithm]())

    def serial(self) -> int:
        self.count += 1
        return self.count


def clusters() -> list[str]:
    """The configurations that kubeadm renders too."""
    return sorted(path.stem for path in CLUSTERS.glob("*.yaml"))


def names() -> list[str]:
    """Those clusters, and what host mode adds with a runtime of ours."""
    return sorted([GUEST, *clusters()])


def cluster(name: str, facts: HostFacts) -> ClusterConfig:
    """The configuration of the cluster `name`."""
    return resolve(load((CLUSTERS / f"{name}.yaml").read_bytes()), Overrides(), facts)


def patches(name: str) -> dict[str, bytes]:
    """The patches directory of the cluster `name`: a folder beside its file."""
    return {p.name: p.read_bytes() for p in sorted((CLUSTERS / f"{name}.patches").glob("*"))}


def files(
    cfg: ClusterConfig, facts: HostFacts, patch_files: dict[str, bytes], keys: KeySource, now: datetime
) -> list[Directory | File]:
    """Every file of a control-plane node."""
    runtime = runtime_at(cfg.node.cri_socket, facts.mode)
    certificates = issue.issue_pki(cfg, {}, keys, now)
    by_path = {f.path: f.content for f in certificates}
    return [
        *certificates,
        *issue_kubeconfigs(Ground(cfg, by_path, keys, now), {}),
        *audit.audit_files(cfg),
        *static_pods.static_pods(cfg, facts, patch_files),
        *kubelet.kubelet_files(cfg, facts, patch_files),
        *([containerd.containerd_file(cfg, facts, runtime)] if runtime.ours else []),
    ]


def api_objects(
    cfg: ClusterConfig, facts: HostFacts, patch_files: dict[str, bytes], ca_pem: bytes, now: datetime
) -> list[dict[str, Any]]:
    """Every API object of a new cluster."""
    return [
        objects.cluster_admins(),
        *objects.kubeadm_config(to_cluster_configuration(stored(cfg, facts))),
        *objects.kubelet_config(cfg),
        *objects.cluster_info(cfg, ca_pem),
        *objects.bootstrap_rbac(),
        *(objects.token_secret(token, now) for token in cfg.run.tokens),
        objects.node_marks(cfg),
        *builtin.kube_proxy(cfg, facts, manifests(), patch_files),
        *builtin.coredns(cfg, facts, manifests(), patch_files),
        *builtin.flannel(cfg, facts, manifests()),
    ]


@cache
def manifests() -> dict[str, str]:
    """The templates of the add-ons."""
    folder = ROOT / "manifests"
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*.yaml"))}


def text(name: str) -> str:
    """The whole of a cluster as one text: the throwaway node for the default one, a host for the others."""
    return guest_text() if name == GUEST else cluster_text(name)


def guest_text() -> str:
    """What `init` changes on a host that is nobody's but Docker's, besides the files of a cluster: every effect."""
    steps = [step for step in guest_plan().steps if step.id == "runtime" or step.id.startswith(("record", "host/"))]
    found = [f"##### {step.id} after {', '.join(step.after) or 'nothing'}\n{_effects(step)}" for step in steps]
    return "\n".join(found)


def guest_plan() -> Plan:
    """The whole plan there."""
    cfg = resolve(load((CLUSTERS / "default.yaml").read_bytes()), Overrides(cri_socket=RUNTIME.socket), GUEST_HOST)
    inputs = new_inputs(cfg, GUEST_HOST, FixedKeySource(), NOW, manifests())
    return planned(inputs, tokens=cfg.run.tokens)


def _effects(step: Step) -> str:
    """Files as sections, everything else as it is."""
    return "".join(_section(e) if isinstance(e, Directory | File) else f"=== {e}\n" for e in step.effects)


def cluster_text(name: str) -> str:
    """Files and objects of a cluster of tests/parity/clusters."""
    facts = NODE if name == "default" else HOST
    cfg = cluster(name, facts)
    found = files(cfg, facts, patches(name), FixedKeySource(), NOW)
    ca_pem = next(f.content for f in found if isinstance(f, File) and f.path.endswith("pki/ca.crt"))
    parts = [_section(f) for f in found]
    for body in api_objects(cfg, facts, patches(name), ca_pem, NOW):
        parts.append(
            f"--- {body['kind']} {body['metadata'].get('namespace', '')}/{body['metadata']['name']}\n{_yaml(body)}"
        )
    return "\n".join(parts)


def _section(file: Directory | File) -> str:
    if isinstance(file, Directory):
        return f"=== {file.path}/ {file.mode:04o}\n"
    marks = "".join(f" {mark}" for mark in ("secret", "once") if getattr(file, mark))
    return f"=== {file.path} {file.mode:04o}{marks}\n{_readable(file)}"


def _readable(file: File) -> str:
    """PEM and kubeconfigs in words: what matters of them can be reviewed, and no key lies in the tree."""
    if file.path.endswith(".crt"):
        return _words(file.content)
    if file.path.endswith(".key"):
        return certs.key_name(load_private(file.content).public_key()) + " private key\n"
    if file.path.endswith(".pub"):
        return "public key\n"
    if file.secret:
        return _yaml(_decoded(yaml.safe_load(file.content)))
    return file.content.decode()


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _pem_words(b64decode(v)) if k.endswith("-data") else _decoded(v) for k, v in value.items()}


def _pem_words(pem: bytes) -> str:
    return _words(pem) if b"CERTIFICATE" in pem else certs.key_name(load_private(pem).public_key()) + " private key"


def _words(pem: bytes) -> str:
    info = certs.certificate_info(pem)
    assert len(x509.load_pem_x509_certificates(pem)) == 1
    return "".join(f"{key}: {_plain(value)}\n" for key, value in vars(info).items())


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _yaml(document: Any) -> str:
    return yaml.safe_dump(_without_ca(document), sort_keys=True, width=200)


def _without_ca(body: Any) -> Any:
    """cluster-info holds the CA's bytes, which differ for RSA."""
    if isinstance(body, dict) and body.get("kind") == "ConfigMap" and "kubeconfig" in body.get("data", {}):
        decoded = _decoded(yaml.safe_load(body["data"]["kubeconfig"]))
        return {**body, "data": {"kubeconfig": yaml.safe_dump(decoded)}}
    return body


@cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
