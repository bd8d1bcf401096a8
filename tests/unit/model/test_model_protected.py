"""Which directories nobody makes us empty."""

from __future__ import annotations

import pytest

from bootstrap.model import names
from bootstrap.model.cluster import LocalEtcd
from bootstrap.model.protected import protection

HOMES = ("/root", "/export/people/ann")
MOUNTS = ("/data", "/")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/etc", "/usr", "/usr/lib", "/var", "/var/lib", "/etc/systemd/system", "/etc/ssl", "/opt", "/proc/sys"),
        *("/home", "/home/somebody", "/root", "/export/people/ann", "/export/people", "/export", "/data"),
    ],
)
def test_directories_of_the_system_homes_mounts_and_what_holds_them(path: str) -> None:
    assert protection(path, HOMES, MOUNTS)


@pytest.mark.parametrize(
    "path",
    [
        *(tree for tree in names.TREES),
        *(names.KUBELET_DIR, LocalEtcd().data_dir, names.PKI_DIR, names.MANIFESTS_DIR),
        *("/home/ann/etcd", "/srv/etcd", "/data/etcd", "/database", "/export/people2"),
    ],
)
def test_a_nodes_own_directories_are_none_of_them(path: str) -> None:
    assert protection(path, HOMES, MOUNTS) == ""
