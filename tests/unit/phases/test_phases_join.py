"""What `join` does on a worker, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.config import Documents, Overrides, load, read_stored, to_stored
from bootstrap.config.join import discovery, joining, with_flags
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model import names
from bootstrap.model.cluster import BootstrapConfig, ClusterConfig, ClusterSpec
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.effects import (
    EtcdAddresses,
    EtcdMemberAdded,
    EtcdMemberPromoted,
    File,
    FileGone,
    LeaseFreed,
    RecordState,
)
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Address, HostFacts
from bootstrap.model.journal_entry import PATH
from bootstrap.model.plan import Plan, Step
from bootstrap.phases.inputs import ControlPlaneInputs, EtcdJoin, NodeInputs
from bootstrap.phases.join import JoinInputs, join_control_plane_plan, join_plan
from bootstrap.render.controlplane.encryption import encryption_files
from bootstrap.render.pki.issue import issue_pki
from bootstrap.render.pki.kubeconfig import bootstrap_kubeconfig
from tests.golden.rendered import NOW, FixedKeySource, manifests

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - kubeadm's placeholder
PIN = "sha256:" + "0f" * 32
HERE = HostFacts(mode="node", hostname="worker-1")
CLUSTER = TrustedCluster("https://192.0.2.10:6443", b"ca", TOKEN)


def asked(
    text: str = "", endpoint: str = "192.0.2.10:6443", *, control_plane: bool = False, **flags: object
) -> Documents:
    documents = load(text.encode()) if text else Documents()
    return with_flags(documents, Overrides(**flags), endpoint, control_plane=control_plane)


def configured(**flags: object) -> ClusterConfig:
    return joining(asked(**flags), ClusterSpec(), BootstrapConfig(), "192.0.2.10:6443", HERE)


def plan(cfg: ClusterConfig, *, fresh: bool = True, facts: HostFacts = HERE) -> Plan:
    first = File(names.BOOTSTRAP_KUBELET_CONF, bootstrap_kubeconfig(CLUSTER), 0o600, secret=True) if fresh else None
    node = NodeInputs(cfg, facts, to_stored(cfg).encode(), (), {})
    return join_plan(node, JoinInputs(File("/etc/kubernetes/pki/ca.crt", b"ca", once=True), first), manifests())


def test_what_the_joined_networks_pods_write_is_noted_before_there_can_be_one() -> None:
    """They may make the directory of addresses earlier than we do: it is not there before us for that."""
    record = next(step for step in plan(configured()).steps if step.id == "record")

    assert RecordState(PATH, "/var/lib/cni/networks/cbr0") in record.effects
    assert RecordState(PATH, "/etc/cni/net.d/10-flannel.conflist") in record.effects


def test_kubeadms_flags_say_where_and_whom_to_believe() -> None:
    found = discovery(asked(token=TOKEN, discovery_token_ca_cert_hash=(PIN,)), ANY_HOST)

    assert (found.endpoint, found.token, found.pins) == ("192.0.2.10:6443", TOKEN, (PIN,))
    assert not discovery(asked(token=TOKEN, discovery_token_unsafe_skip_ca_verification=True), ANY_HOST).pins
    by_file = discovery(asked(endpoint="", discovery_file="/x", token=TOKEN), ANY_HOST)
    assert (by_file.file, by_file.tls_bootstrap_token, by_file.token) == ("/x", TOKEN, "")


@pytest.mark.parametrize(
    "flags",
    [
        {"token": TOKEN},
        {"token": TOKEN, "discovery_token_ca_cert_hash": ("sha256:1",)},
        {"token": "x", "discovery_token_ca_cert_hash": (PIN,)},
        {"endpoint": "", "token": TOKEN, "discovery_token_ca_cert_hash": (PIN,)},
        {"endpoint": "192.0.2.10", "token": TOKEN, "discovery_token_ca_cert_hash": (PIN,)},
        {"endpoint": "", "discovery_file": "http://example.test/x"},
        {"endpoint": ""},
    ],
)
def test_what_cannot_find_a_cluster_is_refused(flags: dict[str, object]) -> None:
    with pytest.raises(BootstrapError) as found:
        discovery(asked(**flags), ANY_HOST)  # type: ignore[arg-type]
    assert found.value.code == Exit.CONFIG


def test_flags_of_a_control_plane_are_for_one() -> None:
    with pytest.raises(BootstrapError, match="configuration"):
        asked(token=TOKEN, apiserver_bind_port=7443)


def test_the_kubelet_starts_after_its_first_credential_and_the_token_goes_after_its_own() -> None:
    found = {step.id: step for step in plan(configured(token=TOKEN)).steps}

    (secret,) = [e for e in found["kubelet-start/credentials"].effects if isinstance(e, File) and e.secret]
    assert secret.path == names.BOOTSTRAP_KUBELET_CONF and TOKEN.encode() in secret.content
    assert "kubelet-start/credentials" in found["kubelet-start"].after
    assert found["kubelet-wait-bootstrap/done"].effects == (FileGone(names.BOOTSTRAP_KUBELET_CONF),)
    assert not [name for name in found if name.startswith(("certs/", "etcd", "control-plane/", "addon/"))]


def test_a_node_that_has_joined_needs_no_token() -> None:
    files = [e for step in plan(configured(), fresh=False).steps for e in step.effects if isinstance(e, File)]

    assert not [file for file in files if file.path == names.BOOTSTRAP_KUBELET_CONF]


def test_what_is_stored_has_no_token_and_is_read_back() -> None:
    cfg = configured(token=TOKEN, node_name="other")
    text = to_stored(cfg)

    assert TOKEN not in text
    assert read_stored(text.encode()).node == cfg.node
    assert read_stored(text.encode()).endpoint == "192.0.2.10:6443"


def test_a_host_gets_what_a_container_has() -> None:
    facts = replace(HERE, mode="host")
    ids = [step.id for step in plan(configured(token=TOKEN), facts=facts).steps]

    assert {"host/binaries", "host/kernel"} <= set(ids)


NEW = EtcdJoin(("https://192.0.2.10:2379",), ("etcdctl",))


def control_plane(cfg: ClusterConfig, joins: EtcdJoin = NEW) -> dict[str, Step]:
    issued = issue_pki(cfg, {}, FixedKeySource(), NOW)
    kubeconfigs = tuple(File(f"/etc/kubernetes/{name}.conf", b"", 0o600) for name in ("kubelet", "admin", "scheduler"))
    node = NodeInputs(cfg, HERE, to_stored(cfg).encode(), kubeconfigs, {})
    there = ("x",) if joins.met else ()
    inputs = ControlPlaneInputs(issued, there=there, joins=joins, encryption=encryption_files(b"key"))
    return {step.id: step for step in join_control_plane_plan(node, inputs, manifests()).steps}


def as_control_plane() -> ClusterConfig:
    spec = ClusterSpec(control_plane_endpoint="192.0.2.10:6443")
    facts = replace(HERE, addresses=(Address("eth0", "192.0.2.11", True),))
    return joining(asked(control_plane=True, token=TOKEN), spec, BootstrapConfig(), "192.0.2.10:6443", facts)


def test_a_control_plane_joins_etcd_before_its_api_server_starts() -> None:
    found = control_plane(as_control_plane())

    (added,) = [e for e in found["etcd-join/added"].effects if isinstance(e, EtcdMemberAdded)]
    assert (added.peer_url, added.etcdctl[-1]) == ("https://192.0.2.11:2380", "--endpoints=https://192.0.2.10:2379")
    assert added.placeholder.encode() in added.manifest.content
    assert b"--initial-cluster-state=existing" in added.manifest.content
    (promoted,) = found["etcd-join/promoted"].effects
    assert isinstance(promoted, EtcdMemberPromoted) and promoted.own[-1] == "--endpoints=https://127.0.0.1:2379"
    assert "etcd-join/added" in found["kubelet-start"].after
    assert "kubelet-start" in found["etcd-join/promoted"].after
    assert "etcd-join/promoted" in found["control-plane/apiserver"].after
    assert not {"etcd/local", "etcd/peer-url", "bootstrap-token", "addon/coredns", "kubeconfig/super-admin"} & set(
        found
    )
    assert {"mark-control-plane", "node-ready"} <= set(found)


def test_who_leads_next_waits_for_no_leader_of_the_last_boot() -> None:
    freed = [
        e for e in control_plane(as_control_plane())["wait-control-plane/leases"].effects if isinstance(e, LeaseFreed)
    ]

    assert [lease.name for lease in freed] == ["kube-controller-manager", "kube-scheduler"]
    assert {(lease.hostname, lease.booted) for lease in freed} == {(HERE.hostname, HERE.booted)}


@pytest.mark.parametrize("voted", [True, False])
def test_a_member_that_has_run_finds_the_others_before_all_else(voted: bool) -> None:
    met = {"one": "https://192.0.2.10:2380"}
    found = control_plane(as_control_plane(), replace(NEW, met=met, voted=voted))

    (pod,) = [e for e in found["etcd-join/added"].effects if isinstance(e, File)]
    assert b"--initial-cluster=one=https://192.0.2.10:2380,worker-1=https://192.0.2.11:2380" in pod.content
    known, *promoted = found["etcd-join/promoted"].effects
    assert isinstance(known, EtcdAddresses) and bool(promoted) is not voted, "one that was killed still needs its vote"
    assert ("etcd-join/promoted" in found["control-plane/apiserver"].after) is not voted
    assert ("control-plane/apiserver" in found["kubelet-start"].after) is voted


def test_what_it_is_stays_when_it_is_run_again_without_flags() -> None:
    stored = as_control_plane()
    facts = replace(HERE, addresses=(Address("eth0", "192.0.2.99", True),))
    nothing = with_flags(Documents(), Overrides(), "", control_plane=False)
    again = joining(nothing, stored.cluster, stored.own, "x:1", facts, stored.node)

    assert again.node.api == replace(stored.api, advertise_address="192.0.2.99")


def test_a_worker_has_its_credential_once_the_file_is_there_that_its_kubeconfig_names() -> None:
    """The kubelet writes kubelet.conf before the cluster has signed."""
    wait = next(step for step in plan(configured(token=TOKEN)).steps if step.id == "kubelet-wait-bootstrap").waits[0]

    assert getattr(wait, "path", "") == names.KUBELET_CLIENT_CURRENT
