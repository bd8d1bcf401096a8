"""The administrator's kubeconfig, as it is handed out."""

from __future__ import annotations

import pytest
import yaml

from bootstrap.config import Documents, Overrides, resolve, to_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.kubeconfig import admin_kubeconfig
from tests.memory import MemoryHost

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
