"""What a reset looks at before it changes anything: who stays, who may ask, and what is left for an administrator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bootstrap.host.facts.kubelet import node_name
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.quorum import Remaining
from bootstrap.model.reset_effects import EtcdMemberGone, NodeDeleted, NodeDrained
from bootstrap.phases.reset import node_steps
from bootstrap.render.controlplane.etcd_member import member
from bootstrap.workflows import leaving as module
from bootstrap.workflows.leaving import Leave, Leaving, leaving
from bootstrap.workflows.reset import ResetRequest, decide_reset
from tests.golden.rendered import FixedKeySource
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi
from tests.unit.phases.test_phases_reset import MANIFEST

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GONE = EtcdMemberGone(("https://127.0.0.1:2379",), "https://10.0.0.1:2380", "/var/lib/etcd", ("etcdctl",))
ANYWHERE = Leave()


class Machine(MemoryHost):
    """A node; its etcd has members at `addresses`, of which those in `dead` do not answer."""

    def __init__(self, *addresses: str, dead: Sequence[str] = (), learners: Sequence[str] = ()) -> None:
        super().__init__()
        self.addresses, self.dead, self.learners = addresses, dead, learners
        self.mkdir("/var/lib/etcd/member", 0o700)
        self.mkdir("/etc/kubernetes", 0o755)

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        asked = next(word for word in argv if word.startswith("--endpoints="))
        if not self.addresses or any(f"{address}:" in asked for address in self.dead):
            raise BootstrapError("no answer", code=Exit.EFFECT, details=("context deadline exceeded",))
        urls = [(f"https://{a}:2380", f"https://{a}:2379", f"cp-{a[-1]}", a in self.learners) for a in self.addresses]
        members = [
            {"ID": 255, "name": name, "peerURLs": [peer], "clientURLs": [client], "isLearner": learner}
            for peer, client, name, learner in urls
        ]
        return json.dumps({"members": members})

    def with_conf(self, path: str, name: str = "one") -> Machine:
        self.write(path, kubeconfig(name), 0o600)
        return self


def kubeconfig(name: str) -> bytes:
    from bootstrap.config import Documents, Overrides, resolve
    from bootstrap.model.facts import Address, HostFacts
    from bootstrap.render.pki.issue import issue_pki
    from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs

    facts = HostFacts(mode="node", hostname=name, addresses=(Address("eth0", "10.0.0.1", True),))
    cfg = resolve(Documents(), Overrides(), facts)
    keys = FixedKeySource()
    by_path = {f.path: f.content for f in issue_pki(cfg, {}, keys, NOW)}
    found = issue_kubeconfigs(Ground(cfg, by_path, keys, NOW), {})
    return next(f.content for f in found if f.path == names.KUBELET_CONF)


CONTROL_PLANE = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def left(host: MemoryHost, asked: Leave = ANYWHERE, member: EtcdMemberGone | None = GONE) -> Leaving:
    return leaving(host, asked, member)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stay", "answer", "goes_on"),
    [
        (1, 1, True),
        (1, 0, False),
        (2, 2, True),
        (2, 1, False),
        (3, 2, True),
        (4, 2, False),
        (4, 3, True),
        (0, 0, False),
    ],
)
def test_more_than_half_of_those_that_stay_have_to_answer(stay: int, answer: int, goes_on: bool) -> None:
    rest = Remaining(("a",) * answer, ("b",) * (stay - answer))

    assert (rest.goes_on, rest.is_last) == (goes_on, stay == 0)


def test_a_cluster_that_could_not_go_on_keeps_this_machine() -> None:
    with pytest.raises(BootstrapError, match="would not go on without this machine") as caught:
        left(Machine(*CONTROL_PLANE, dead=["10.0.0.3"]))

    assert caught.value.code == Exit.CONFLICT
    assert "cp-3" in caught.value.why and "--break-quorum" in caught.value.fix


def test_it_is_given_up_only_where_that_is_said() -> None:
    found = left(Machine(*CONTROL_PLANE, dead=["10.0.0.3"]), Leave(break_quorum=True))

    assert "does not go on" in found.remarks[0]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (Machine(*CONTROL_PLANE), "goes on with cp-2, cp-3"),
        (Machine("10.0.0.1", "10.0.0.2"), "goes on with cp-2"),
        (Machine("10.0.0.1"), "the cluster ends with this machine"),
        (Machine(*CONTROL_PLANE, "10.0.0.4", dead=["10.0.0.4"]), "no answer from cp-4"),
    ],
)
def test_what_others_have_then_is_said(host: Machine, words: str) -> None:
    assert words in left(host).remarks[0]


def test_nodes_that_lose_their_last_control_plane_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    api = MemoryApi()
    api.objects["/api/v1/nodes"] = {"items": [{"metadata": {"name": name}} for name in ("one", "two", "three")]}
    monkeypatch.setattr(module, "administrator", lambda host, kubeconfig: api)
    host = Machine("10.0.0.1").with_conf(names.KUBELET_CONF).with_conf(names.ADMIN_CONF)

    assert left(host).remarks[0].endswith("left without it: two, three")


@pytest.mark.parametrize(
    "host",
    [Machine(), Machine("10.0.0.2", "10.0.0.3"), Machine(*CONTROL_PLANE, dead=["10.0.0.3"], learners=["10.0.0.1"])],
    ids=["nobody answers", "it is no member", "it has no vote"],
)
def test_who_has_no_vote_breaks_nothing(host: Machine) -> None:
    assert left(host).remarks == ()


def test_a_control_plane_deletes_its_node_if_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "administrator", lambda host, kubeconfig: MemoryApi())
    host = Machine(*CONTROL_PLANE).with_conf(names.KUBELET_CONF).with_conf(names.ADMIN_CONF)

    assert left(host).deleted == NodeDeleted("one")
    assert left(Machine("10.0.0.1").with_conf(names.KUBELET_CONF).with_conf(names.ADMIN_CONF)).deleted is None


def test_a_worker_names_the_command_for_an_administrator_unless_it_is_given_one() -> None:
    host = Machine().with_conf(names.KUBELET_CONF)
    found = left(host, member=None)
    assert (found.deleted, found.by_hand) == (None, "kubectl delete node one")

    host.with_conf("/etc/kubernetes/other.conf")
    given = left(host, Leave(kubeconfig="/etc/kubernetes/other.conf"), None)
    assert (given.deleted, given.by_hand) == (NodeDeleted("one"), "")


def test_a_kubeconfig_that_is_none_is_refused_before_anything_is_changed() -> None:
    with pytest.raises(BootstrapError, match="cannot read /nowhere") as caught:
        left(Machine().with_conf(names.KUBELET_CONF), Leave(kubeconfig="/nowhere"), None)
    assert caught.value.code == Exit.CONFIG


def test_pods_are_moved_only_where_somebody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Machine().with_conf(names.KUBELET_CONF)
    monkeypatch.setattr(module, "kubelet", lambda host: lambda: MemoryApi())
    assert left(host, Leave(drain=True), None).drained == NodeDrained("one")

    monkeypatch.setattr(module, "kubelet", lambda host: lambda: MemoryApi(ConnectionError("refused")))
    with pytest.raises(BootstrapError, match="no Pod of this node can be moved") as caught:
        left(host, Leave(drain=True), None)
    assert caught.value.code == Exit.API

    gone = left(Machine(), Leave(drain=True), None)
    assert gone.drained is None and "--drain" in gone.remarks[0]


def test_the_node_goes_while_its_api_server_lives() -> None:
    steps = node_steps(NodeDrained("one"), NodeDeleted("one"), 60)

    assert [(step.id, step.after, step.timeout) for step in steps] == [
        ("drain", (), 60),
        ("delete-node", ("drain",), steps[1].timeout),
    ]
    host = Machine(*CONTROL_PLANE).with_conf(names.KUBELET_CONF).with_conf(names.ADMIN_CONF)
    host.mkdir("/etc/kubernetes/manifests", 0o755)
    host.write(MANIFEST, ETCD.encode(), 0o600)
    plan = decide_reset(host, "host", ResetRequest()).plan
    assert [step.id for step in plan.steps][:3] == ["delete-node", "remove-etcd-member", "kubelet"]


ETCD = """
spec: {containers: [{command: [etcd, --data-dir=/var/lib/etcd, --listen-client-urls=https://10.0.0.1:2379,
  --initial-advertise-peer-urls=https://10.0.0.1:2380, --cert-file=/pki/s.crt, --key-file=/pki/s.key,
  '--initial-cluster=one=https://10.0.0.1:2380,two=https://10.0.0.2:2380,six=https://[fd00::6]:2380',
  --trusted-ca-file=/pki/ca.crt]}]}
"""


def test_others_are_asked_where_its_own_etcd_is_dead() -> None:
    found = member(ETCD.encode())

    assert found and found.others == ("https://10.0.0.2:2379", "https://[fd00::6]:2379")


@pytest.mark.parametrize("content", [b"", b"{", b"kind: Config"])
def test_without_a_credential_there_is_no_name(content: bytes) -> None:
    host = MemoryHost()
    host.mkdir("/etc/kubernetes", 0o755)
    assert node_name(host) == ""
    host.write(names.KUBELET_CONF, content, 0o600)
    assert node_name(host) == ""


def test_the_certificate_says_the_name() -> None:
    assert node_name(Machine().with_conf(names.KUBELET_CONF, "node-7")) == "node-7"
