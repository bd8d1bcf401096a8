"""An empty node has what a control plane that kubeadm joins there needs, and is nobody's node yet."""

from __future__ import annotations

import yaml

from bootstrap.model import names
from bootstrap.workflows import node
from tests.memory import MemoryHost


def test_the_audit_policy_is_there_and_in_no_journal() -> None:
    host = MemoryHost()
    node.bring_audit_policy(host)

    assert yaml.safe_load(host.read(names.AUDIT_POLICY) or b"")["kind"] == "Policy"
    assert host.read(names.JOURNAL) is None, "or reset would take the node for one of ours"


def test_a_policy_of_the_user_stays() -> None:
    host = MemoryHost()
    host.mkdir(names.KUBERNETES_DIR, 0o755)
    host.write(names.AUDIT_POLICY, b"mine", 0o600)
    node.bring_audit_policy(host)

    assert host.read(names.AUDIT_POLICY) == b"mine"
