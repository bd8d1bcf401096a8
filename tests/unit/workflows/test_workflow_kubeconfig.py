"""The administrator's kubeconfig, as it is handed out."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from bootstrap.config import Documents, Overrides, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.certs import certificate_info
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.workflows.kubeconfig import admin_kubeconfig, user_kubeconfig
from tests.memory import MemoryHost

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KUBECONFIG = """
clusters: [{name: k, cluster: {server: "https://192.0.2.1:7443"}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
current-context: c
users: [{name: u, user: {}}]
"""


def node(port: int) -> MemoryHost:
    host = MemoryHost()
    cfg = resolve(Documents(), Overrides(apiserver_bind_port=port), ANY_HOST)
    host.mkdir(names.STATE_DIR, 0o700)
    host.write(names.STATE_CONFIG, to_stored(cfg).encode(), 0o600)
    host.write(names.ADMIN_CONF, KUBECONFIG.encode(), 0o600)
    return host


@pytest.mark.parametrize(
    ("port", "server", "inside", "shown"),
    [
        (6443, "", False, "https://127.0.0.1:6443"),
        (7443, "", False, "https://127.0.0.1:7443"),
        (7443, "https://api.example.test", False, "https://api.example.test"),
        (7443, "", True, "https://192.0.2.1:7443"),
    ],
)
def test_the_server_is_where_the_configuration_puts_it(port: int, server: str, inside: bool, shown: str) -> None:
    document = yaml.safe_load(admin_kubeconfig(node(port), server, inside=inside))

    assert document["clusters"][0]["cluster"]["server"] == shown


def test_without_a_cluster_there_is_none() -> None:
    with pytest.raises(BootstrapError) as caught:
        admin_kubeconfig(MemoryHost(), "", inside=False)

    assert caught.value.code == Exit.CONFLICT


def control_plane() -> MemoryHost:
    host = node(6443)
    cfg = resolve(Documents(), Overrides(), ANY_HOST)
    host.mkdir(names.PKI_DIR, 0o755)
    host.mkdir(f"{names.PKI_DIR}/etcd", 0o755)
    for file in issue_pki(cfg, {}, CryptoKeySource(), NOW):
        host.write(file.path, file.content, file.mode)
    return host


def test_a_user_gets_a_certificate_of_its_own() -> None:
    """`kubeconfig user --client-name ann --org developers --org readers --validity-period 1h`"""
    content = user_kubeconfig(control_plane(), "ann", ("developers", "readers"), 3600, "", NOW)

    current = read_kubeconfig(content)
    assert current.cluster["server"] == "https://192.0.2.1:6443"
    info = certificate_info(b64decode(current.user["client-certificate-data"]))
    assert (info.common_name, set(info.organizations)) == ("ann", {"developers", "readers"})
    assert info.not_after - NOW == timedelta(seconds=3600)
    elsewhere = user_kubeconfig(control_plane(), "ann", (), 60, "https://api.example.test", NOW)
    assert read_kubeconfig(elsewhere).cluster["server"] == "https://api.example.test"


def test_only_a_control_plane_signs_for_users() -> None:
    with pytest.raises(BootstrapError) as caught:
        user_kubeconfig(MemoryHost(), "ann", (), 60, "", NOW)
    assert caught.value.code == Exit.CONFLICT

    without_key = control_plane()
    without_key.remove(f"{names.PKI_DIR}/ca.key")
    with pytest.raises(BootstrapError) as caught:
        user_kubeconfig(without_key, "ann", (), 60, "", NOW)
    assert caught.value.code == Exit.CONFIG
