"""What `kubeadm reset` removes, for a node that kubeadm made: as if a journal had said so.

The directories' contents go and the directories stay (kubeadm: cmd/phases/reset/cleanupnode.go). Nobody noted what is
whose there: each directory is judged before anything is removed.
"""

from __future__ import annotations

from collections.abc import Collection

from bootstrap.engine.effects.trees import mount_points
from bootstrap.host.facts.homes import home_directories
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import PATH, TREE, UNIT, Entry
from bootstrap.model.protected import protection
from bootstrap.render.controlplane.etcd_member import EtcdMember

ETCD_FILES = frozenset({"member", "proxy"})
"""All that etcd makes in its data directory."""
_PAIRS = (
    "ca",
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-ca",
    "front-proxy-client",
)
PKI_FILES = frozenset([*(f"{name}.{end}" for name in _PAIRS for end in ("crt", "key")), "sa.key", "sa.pub", "etcd"])
"""All that kubeadm makes in a certificate directory, `etcd` among it."""
_CONFS = (
    names.ADMIN_CONF,
    names.SUPER_ADMIN_CONF,
    names.KUBELET_CONF,
    names.BOOTSTRAP_KUBELET_CONF,
    names.CONTROLLER_MANAGER_CONF,
    names.SCHEDULER_CONF,
)


def foreign_entries(
    host: HostReader, etcd: EtcdMember | None, manifest: str, cert_dir: str, *, with_temporary: bool
) -> tuple[Entry, ...]:
    """`manifest` is that of etcd. Raises BootstrapError (exit 2, 8) for a directory that is not a node's alone."""
    emptied = [names.MANIFESTS_DIR, names.KUBELET_DIR, *([names.KUBEADM_TMP_DIR] if with_temporary else [])]
    return (
        *(Entry(TREE, path, {"entries": []}) for path in emptied),
        _certificates(host, cert_dir),
        _etcd_data(host, etcd.data_dir if etcd else names.ETCD_DATA_DIR, manifest),
        *(Entry(PATH, path, None) for path in _CONFS),
        Entry(UNIT, names.KUBELET_SERVICE, {"active": False, "enabled": True}),
    )


def _certificates(host: HostReader, directory: str) -> Entry:
    """In a directory of another name than kubeadm's own only its files."""
    if directory == names.PKI_DIR:
        return Entry(TREE, directory, {"entries": []})
    kind = _protection(host, directory, mounts=mount_points(host))
    if kind:
        raise BootstrapError(
            f"--cert-dir {directory} is {kind}, and nothing was removed",
            code=Exit.USAGE,
            why="reset removes certificates and keys from a directory that only they are in",
            fix="name the directory of the certificates: bootstrap reset --cert-dir DIR",
        )
    return _only(host, directory, PKI_FILES)


def _etcd_data(host: HostReader, directory: str, manifest: str) -> Entry:
    """What is beside etcd's own stays: on a disk of its own, `lost+found`."""
    kind = _protection(host, directory)
    if kind:
        raise BootstrapError(
            f"etcd's data directory {directory} is {kind}, and nothing was removed",
            code=Exit.CONFLICT,
            why=f"{manifest} names it",
            fix=f"remove {directory}/member yourself, move {manifest} away, then run reset again",
        )
    return _only(host, directory, ETCD_FILES)


def _only(host: HostReader, directory: str, files: Collection[str]) -> Entry:
    return Entry(TREE, directory, {"entries": [name for name in host.listdir(directory) if name not in files]})


def _protection(host: HostReader, directory: str, mounts: Collection[str] = ()) -> str:
    if not directory.startswith("/"):
        return "no absolute path"
    return protection(host.resolve(directory), home_directories(host), mounts)
