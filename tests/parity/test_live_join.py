"""Two machines join a cluster that kubeadm made, one by kubeadm and one by us, and have the same files then.

Needs a Docker engine with our image, and a kubeadm binary (tests/parity/kubeadm.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import yaml

from bootstrap.model import names
from tests.parity import kubeadm, live
from tests.parity.fields import Fields, of_file

FILES = (names.KUBERNETES_DIR, names.KUBELET_CONFIG, names.KUBELET_INSTANCE_CONFIG, names.KUBELET_FLAGS_ENV)
OURS = f"{names.STATE_DIR}/"
SECONDS = 60
BOTH = {"theirs", "ours"}
WANTED = {
    names.AUDIT_POLICY: "lies on every node container, for a control plane that kubeadm joins",
    f"{names.KUBELET_CONFIG} mode": "0600: CIS 4.1.9",
    f"{names.KUBELET_CONFIG} podPidsLimit": "our hardening",
    f"{names.KUBELET_CONFIG} seccompDefault": "our hardening",
    f"{names.KUBELET_CONFIG} tlsCipherSuites": "our hardening",
    f"{names.KUBELET_CONFIG} configMapAndSecretChangeDetectionStrategy": "a node container starts fast",
    names.KUBELET_INSTANCE_CONFIG: "what follows from the machine; kubeadm is given it as patches here",
    f"{names.KUBELET_FLAGS_ENV} content": "the names of the two nodes",
}
"""Where a difference begins → why it is wanted."""


@pytest.fixture(scope="module")
def joined() -> Iterator[tuple[Fields, Fields, set[str]]]:
    """The files of both, and the names of the nodes; the cluster has no Pod network, so that none is Ready."""
    pid = os.getpid()
    with live.node(f"bt-par-first-{pid}") as first, live.node(f"bt-par-theirs-{pid}") as theirs:
        for node in (first, theirs):
            live.prepare_kubeadm(node, kubeadm.binary(), live.configuration(patches=True))
        first.run("sh", "-c", live.KUBEADM_INIT)
        line = first.run("kubeadm", "token", "create", "--print-join-command").split()[1:]
        kubeadms = f"kubeadm {' '.join(line)} --node-name theirs --patches {live.PATCHES} --ignore-preflight-errors=all"
        theirs.run("sh", "-c", kubeadms, timeout=300)
        with live.started(f"bt-par-ours-{pid}", *line, "--node-name", "ours", "--wait", "api") as ours:
            yield _fields(theirs), _fields(ours), _registered(first)


def _registered(first: live.Node) -> set[str]:
    end = time.monotonic() + SECONDS
    while True:
        found = {node["metadata"]["name"] for node in first.objects("nodes")}
        if found >= BOTH or time.monotonic() > end:
            return found
        time.sleep(0.5)


def _fields(node: live.Node) -> Fields:
    fields: Fields = {}
    for path, mode, content in node.files(*FILES):
        if path == names.KUBELET_CONF:
            fields[f"{path} users"] = str(yaml.safe_load(content)["users"][0]["user"])
        elif not path.startswith(OURS):
            fields |= of_file(path, mode, content)
    return fields


def test_both_are_nodes_of_it(joined: tuple[Fields, Fields, set[str]]) -> None:
    assert joined[2] >= BOTH


def test_their_files_are_the_same(joined: tuple[Fields, Fields, set[str]]) -> None:
    theirs, ours, _ = joined
    differ = {
        field: (theirs.get(field), ours.get(field)) for field in theirs | ours if theirs.get(field) != ours.get(field)
    }

    unwanted = [
        f"{f}: {a!r} by kubeadm, {b!r} by us" for f, (a, b) in differ.items() if not f.startswith(tuple(WANTED))
    ]
    assert not unwanted, "\n".join(unwanted)
