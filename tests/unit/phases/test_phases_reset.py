"""The plan of a reset: in what order, and what a tree of ours makes unnecessary."""

from __future__ import annotations

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.journal import read_journal
from bootstrap.model import names
from bootstrap.model.effects import UnitRunning
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.journal_entry import IMAGES, MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT, Entry
from bootstrap.model.plan import Plan
from bootstrap.model.reset_effects import ContainersGone, EtcdMemberGone, Restored, UnitsReloaded, Unmounted
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME
from bootstrap.phases.reset import KEPT, reset_plan
from bootstrap.render.controlplane.etcd_member import EtcdMember
from bootstrap.workflows.foreign_node import foreign_entries
from bootstrap.workflows.reset import ResetRequest, decide_reset, forget
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

STOPPED = {"active": False, "enabled": False}
GONE = ContainersGone("unix:///x")
MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
JOURNAL = (
    Entry(TREE, names.WORK_DIR, None),
    Entry(TREE, "/etc/kubernetes", None),
    Entry(TREE, "/opt/bootstrap", None),
    Entry(TREE, "/run/netns", {"entries": ["theirs"]}),
    Entry(NETWORK, "links", {"names": ["lo"]}),
    Entry(PATH, "/etc/kubernetes/admin.conf", None),
    Entry(PATH, "/opt/bootstrap/bin", None),
    Entry(PATH, "/usr/local/bin/kubectl", None),
    Entry(PATH, "/srv/new", None),
    Entry(PATH, "/srv/new/file", None),
    Entry(SYSCTL, "net.ipv4.ip_forward", {"value": "0"}),
    Entry(MODULE, "overlay", None),
    Entry(IMAGES, "unix:///x", {"names": []}),
    Entry(UNIT, "bootstrap-network.service", STOPPED),
    Entry(UNIT, "kubelet.service", {"active": True, "enabled": True}),
)


def steps(plan: Plan) -> dict[str, tuple[object, ...]]:
    return {step.id: step.effects for step in plan.steps}


def restored(effects: tuple[object, ...]) -> list[str]:
    return [e.entry.name for e in effects if isinstance(e, Restored)]


def test_the_order_is_that_of_a_living_node() -> None:
    plan = reset_plan(JOURNAL, GONE)

    order = [
        "kubelet",
        "containers",
        "units",
        "pod-network",
        "mounts",
        "files",
        "running-before",
        "kernel",
        "network",
        "tools",
    ]
    assert [step.id for step in plan.steps] == order
    assert [step.after for step in plan.steps] == [(), *((before,) for before in order[:-1])]


def test_what_each_step_undoes() -> None:
    found = steps(reset_plan(JOURNAL, GONE))

    assert restored(found["kubelet"]) == ["kubelet.service"]
    assert found["containers"] == (GONE, Restored(JOURNAL[12]))
    assert restored(found["units"]) == ["bootstrap-network.service"]
    assert found["mounts"] == (
        Unmounted("/opt/bootstrap", None),
        Unmounted("/etc/kubernetes", None),
        Unmounted(names.WORK_DIR, None),
    )
    assert found["running-before"] == (UnitRunning("kubelet.service", enabled=True),)
    assert restored(found["kernel"]) == ["net.ipv4.ip_forward"]
    assert found["network"] == (Restored(JOURNAL[4]),)


def test_newer_files_go_first_and_systemd_is_told_after_them() -> None:
    files = steps(reset_plan(JOURNAL, GONE))["files"]

    assert restored(files) == ["/srv/new/file", "/srv/new", "/usr/local/bin/kubectl", "/etc/kubernetes"]
    assert files[-1] == UnitsReloaded((names.KUBELET_SERVICE, "bootstrap-network.service"))


def test_what_is_in_a_tree_of_ours_goes_with_it_but_not_what_is_in_a_tree_that_was_there() -> None:
    inside = Entry(PATH, "/run/netns/ours", None)

    files = restored(steps(reset_plan((*JOURNAL, inside), GONE))["files"])
    assert "/run/netns/ours" in files
    assert "/etc/kubernetes/admin.conf" not in files


def test_a_name_that_only_begins_like_a_tree_is_not_in_it() -> None:
    beside = Entry(PATH, "/etc/kubernetes-other", None)

    assert "/etc/kubernetes-other" in restored(steps(reset_plan((*JOURNAL, beside), GONE))["files"])


def test_our_tools_go_last_and_the_journal_stays() -> None:
    tools = steps(reset_plan(JOURNAL, GONE))["tools"]

    assert tools == (Restored(JOURNAL[2]), Restored(JOURNAL[0], KEPT))


@pytest.mark.parametrize("mark", ["token-created", "admins-bound", "node-taints"])
def test_what_init_does_once_is_to_be_done_again_as_soon_as_a_reset_has_begun(mark: str) -> None:
    """Or an `init` after half a reset would find the marks of a cluster whose data is gone."""
    entry = Entry(PATH, f"{names.STATE_DIR}/{mark}", None)
    member = EtcdMemberGone((), "", "", ())
    plan = reset_plan((*JOURNAL, entry), GONE, member=member)

    assert [step.id for step in plan.steps][:3] == ["remove-etcd-member", "marks", "kubelet"]
    assert plan.steps[1].effects == (Restored(entry),)


def test_a_step_with_nothing_to_do_is_not_there() -> None:
    plan = reset_plan((Entry(PATH, "/etc/x", None),), GONE)

    assert [step.id for step in plan.steps] == ["containers", "files"]


def test_a_reset_of_files_leaves_the_host_as_it_was() -> None:
    host = MemoryHost()
    host.write("/etc/theirs", b"1", 0o640)
    then = {name: (e.kind, e.mode, e.content) for name, e in host.entries.items()}
    journal = context(host).journal
    for path in ("/etc/theirs", "/data/a/b"):
        journal.note(PATH, path)
        host.mkdir(path.rpartition("/")[0], 0o755)
        host.write(path, b"2", 0o600)
    journal.note(TREE, "/etc/tree")
    host.mkdir("/etc/tree/x/y", 0o700)

    for step in reset_plan(read_journal(host), GONE).steps:
        for effect in step.effects:
            apply_effect(effect, context(host), 1)
    forget(host)
    left = {name: (e.kind, e.mode, e.content) for name, e in host.entries.items()}
    assert left == then | {name: left[name] for name in ("/var", "/var/lib")}


def machine(*files: str) -> MemoryHost:
    host = MemoryHost()
    for path in files:
        host.mkdir(path.rpartition("/")[0], 0o755)
        host.write(path, b"", 0o600)
    return host


def test_a_node_that_kubeadm_made_is_reset_as_kubeadm_does() -> None:
    decision = decide_reset(machine(names.KUBELET_CONF), "host", ResetRequest())

    assert decision.journal == ()
    found = steps(decision.plan)
    assert found["containers"] == (ContainersGone(NODE_RUNTIME.socket),)
    assert set(restored(found["files"])) == {
        "/etc/kubernetes/manifests",
        "/etc/kubernetes/pki",
        "/var/lib/kubelet",
        "/var/lib/etcd",
        *(f"/etc/kubernetes/{name}.conf" for name in ("admin", "super-admin", "kubelet", "bootstrap-kubelet")),
        *(f"/etc/kubernetes/{name}.conf" for name in ("controller-manager", "scheduler")),
    }
    assert "running-before" not in found
    assert "tools" not in found


ETCD = """
spec: {containers: [{command: [etcd, --data-dir=/data, --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379,
  --initial-advertise-peer-urls=https://10.0.0.1:2380, --cert-file=/pki/s.crt, --key-file=/pki/s.key,
  --trusted-ca-file=/pki/ca.crt]}]}
"""


def test_an_etcd_member_leaves_first_and_its_manifest_says_where_its_data_is() -> None:
    host = machine(names.KUBELET_CONF, MANIFEST)
    host.write(MANIFEST, ETCD.encode(), 0o600)
    plan = decide_reset(host, "host", ResetRequest()).plan
    first = plan.steps[0]

    words = ("etcdctl", "--cacert=/pki/ca.crt", "--cert=/pki/s.crt", "--key=/pki/s.key")
    member = EtcdMemberGone(("https://127.0.0.1:2379",), "https://10.0.0.1:2380", "/data", words)
    assert (first.id, first.effects) == ("remove-etcd-member", (member,))
    assert "/data" in restored(steps(plan)["files"])


@pytest.mark.parametrize("text", ["", "{", "spec: 1", "spec: {containers: [{command: [etcd, --data-dir]}]}"])
def test_what_is_no_manifest_of_a_member_has_none(text: str) -> None:
    host = machine(names.KUBELET_CONF, MANIFEST)
    host.write(MANIFEST, text.encode(), 0o600)

    assert "remove-etcd-member" not in steps(decide_reset(host, "host", ResetRequest()).plan)


def test_kubeadms_directories_stay_and_what_is_in_them_goes() -> None:
    trees = [
        e for e in foreign_entries(MemoryHost(), None, MANIFEST, names.PKI_DIR, with_temporary=True) if e.kind == TREE
    ]

    assert {e.name for e in trees} >= {names.ETCD_DATA_DIR, names.PKI_DIR, "/etc/kubernetes/tmp"}
    assert all(e.before == {"entries": []} for e in trees)


def test_in_a_directory_of_another_name_only_what_kubeadm_makes_goes() -> None:
    host = machine(
        "/srv/pki/ca.crt", "/srv/pki/letter", "/srv/pki/etcd/ca.key", "/data/member/snap", "/data/lost+found"
    )
    etcd = EtcdMember("", "", "/data", "", "", "")
    found = {
        e.name: e.before
        for e in foreign_entries(host, etcd, MANIFEST, "/srv/pki", with_temporary=False)
        if e.kind == TREE
    }

    assert found["/srv/pki"] == {"entries": ["letter"]}
    assert found["/data"] == {"entries": ["lost+found"]}


@pytest.mark.parametrize(
    "directory", ["/etc", "/", "/home", "/home/ann", "/export/ann", "/link", "/etc/../usr", "/srv/disk", "pki", ""]
)
def test_a_directory_that_is_not_the_certificates_own_is_refused_before_anything_is_removed(directory: str) -> None:
    host = used_machine()
    with pytest.raises(BootstrapError) as caught:
        decide_reset(host, "host", ResetRequest(cert_dir=directory))

    assert caught.value.code == Exit.USAGE
    assert "--cert-dir" in caught.value.fix


@pytest.mark.parametrize("directory", ["/home", "/etc", "/", "/link", "/home/ann"])
def test_a_strangers_etcd_manifest_makes_nobody_empty_a_directory_of_the_system(directory: str) -> None:
    host = used_machine()
    host.write(MANIFEST, ETCD.replace("/data", directory).encode(), 0o600)
    with pytest.raises(BootstrapError) as caught:
        decide_reset(host, "host", ResetRequest())

    assert caught.value.code == Exit.CONFLICT
    assert MANIFEST in caught.value.why


def used_machine() -> MemoryHost:
    host = machine(names.KUBELET_CONF, "/proc/1/x", "/srv/disk/x", "/export/ann/x", MANIFEST)
    host.write("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nann:x:1001:1001::/export/ann:/bin/sh\n", 0o644)
    host.write("/proc/1/mountinfo", b"1 0 0:1 / /srv/disk rw - ext4 /dev/x rw\n", 0o444)
    host.symlink("/etc", "/link")
    return host


@pytest.mark.parametrize("noted", [(), (names.TREES[0],), ("/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki")])
def test_a_first_step_alone_makes_no_pod_and_no_member_ours(noted: tuple[str, ...]) -> None:
    """`init phase certs ca`, or an init that ended there, on a machine whose containerd serves somebody else."""
    host = machine(MANIFEST)
    host.write(MANIFEST, ETCD.encode(), 0o600)
    journal = context(host).journal
    journal.note(NETWORK, "links")
    for path in noted:
        journal.note(PATH, path)

    found = steps(decide_reset(host, "host", ResetRequest()).plan)
    assert "containers" not in found
    assert "remove-etcd-member" not in found


def test_once_the_kubelet_was_started_its_pods_go_and_nobody_elses() -> None:
    host = MemoryHost()
    context(host).journal.note(UNIT, names.KUBELET_SERVICE)

    gone = ContainersGone(NODE_RUNTIME.socket, kubelet_only=True)
    assert steps(decide_reset(host, "host", ResetRequest()).plan)["containers"] == (gone,)


def test_networks_of_our_own_runtime_are_read_where_it_is_configured() -> None:
    host = machine(f"{HOST_RUNTIME.cni_conf}/a", "/etc/cni/net.d/b")
    for directory, name in ((HOST_RUNTIME.cni_conf, "pods"), ("/etc/cni/net.d", "podman")):
        host.write(f"{directory}/10-x.conflist", f'{{"name": "{name}"}}'.encode(), 0o644)
        host.write(f"{directory}/broken.conf", b"{", 0o644)
    journal = context(host).journal
    journal.note(UNIT, HOST_RUNTIME.unit)
    journal.note(TREE, names.CNI_STATE)

    found = steps(decide_reset(host, "host", ResetRequest()).plan)["pod-network"]
    assert [e.networks for e in found if isinstance(e, Restored)] == [(names.POD_NETWORK, "pods")]


def test_the_kubelets_own_configuration_says_which_runtime_it_has() -> None:
    host = machine(names.KUBELET_CONF)
    host.mkdir(names.KUBELET_DIR, 0o755)
    host.write(names.KUBELET_CONFIG, b"containerRuntimeEndpoint: unix:///run/crio/crio.sock\n", 0o600)

    assert steps(decide_reset(host, "host", ResetRequest()).plan)["containers"] == (
        ContainersGone("unix:///run/crio/crio.sock"),
    )
    request = ResetRequest(cri_socket="unix:///y")
    assert steps(decide_reset(host, "host", request).plan)["containers"] == (ContainersGone("unix:///y"),)


def test_a_runtime_of_ours_is_known_by_its_unit() -> None:
    host = MemoryHost()
    context(host).journal.note(UNIT, HOST_RUNTIME.unit)

    assert steps(decide_reset(host, "host", ResetRequest()).plan)["containers"] == (
        ContainersGone(HOST_RUNTIME.socket, HOST_RUNTIME.unit, slice=""),
    )


def test_a_journal_without_a_node_hides_nobody_elses() -> None:
    """The start of a node container notes its containerd's files; kubeadm may have made the node since."""
    host = machine(names.KUBELET_CONF)
    context(host).journal.note(PATH, "/etc/containerd/config.toml")
    decision = decide_reset(host, "node", ResetRequest())

    assert decision.foreign
    assert [e.entry.name for e in steps(decision.plan)["kubelet"]] == [names.KUBELET_SERVICE]
    assert "/etc/containerd/config.toml" in {
        e.entry.name for e in steps(decision.plan)["files"] if isinstance(e, Restored)
    }


@pytest.mark.parametrize("noted", [names.KUBELET_CONF, names.KUBELET_DIR, names.TREES[0]])
def test_what_init_noted_is_a_node_of_ours(noted: str) -> None:
    host = machine(names.KUBELET_CONF)
    context(host).journal.note(PATH, noted)

    assert not decide_reset(host, "node", ResetRequest()).foreign


def test_where_no_node_is_there_is_nothing_to_reset() -> None:
    with pytest.raises(BootstrapError, match="nothing to reset") as caught:
        decide_reset(MemoryHost(), "host", ResetRequest())
    assert caught.value.code == Exit.CONFLICT
