"""What an upgrade, and the way back, refuse before they look any further."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bootstrap.config import Documents, Overrides, load, read_stored, resolve, to_stored
from bootstrap.config.join import joining
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.model import names
from bootstrap.model.backup import Backup
from bootstrap.model.cluster import Arg, BootstrapConfig, ClusterConfig, ClusterSpec
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.joining.again import again
from bootstrap.workflows.reconfigure import check_version
from bootstrap.workflows.upgrade import apply
from bootstrap.workflows.upgrade.apply import backup_for, behind, decide, target
from bootstrap.workflows.upgrade.node import joined_here
from bootstrap.workflows.upgrade.rollback import decide_rollback
from bootstrap.workflows.upgrade.version import check_order
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def stored(version: str = names.BUILT_VERSION, config: bytes = b"") -> ClusterConfig:
    documents = load(config) if config else Documents()
    cfg = resolve(documents, Overrides(), ANY_HOST)
    text = to_stored(cfg).replace(cfg.cluster.kubernetes_version, version)
    return read_stored(text.encode())


def machine(version: str = names.BUILT_VERSION, *backups: Backup) -> MemoryHost:
    host = MemoryHost()
    for folder in (names.STATE_DIR, *(backup.directory for backup in backups)):
        host.mkdir(folder, 0o700)
    host.write(names.STATE_CONFIG, to_stored(stored(version)).encode(), 0o600)
    for backup in backups:
        host.write(backup.note, backup.to_json(), 0o600)
    return host


def test_without_a_cluster_of_ours_there_is_nothing_to_upgrade() -> None:
    with pytest.raises(BootstrapError, match="no cluster of bootstrap's here") as caught:
        decide(MemoryHost(), "host", UpgradeOptions(), "", NOW)
    assert caught.value.code == Exit.CONFLICT


@pytest.mark.parametrize(
    ("repository", "before", "after"),
    [
        ("", "v1.36.3+bootstrap.1", names.BUILT_VERSION),
        (names.UPSTREAM_REPOSITORY, "v1.36.3", names.KUBERNETES_VERSION),
        ("mirror.example/k8s", "v1.36.3", names.KUBERNETES_VERSION),
    ],
)
def test_the_version_changes_and_nothing_else_but_what_the_run_is_asked(
    repository: str, before: str, after: str
) -> None:
    head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
    config = f"{head}imageRepository: {repository}\n".encode() if repository else b""
    old = stored(before, config)
    new = target(old, ANY_HOST, UpgradeOptions(patches="/p", timeouts={"upgradeManifests": "1m0s"}))

    assert (old.cluster.kubernetes_version, new.cluster.kubernetes_version) == (before, after)
    assert (new.cluster.image_repository, new.cluster.networking) == (
        old.cluster.image_repository,
        old.cluster.networking,
    )
    assert (new.node.patches_directory, new.run.timeouts.upgrade_manifests) == ("/p", 60)


def test_a_flag_that_the_new_version_does_not_know_is_named() -> None:
    cfg = stored("v1.36.3+bootstrap.1")
    server = replace(cfg.cluster.api_server, extra_args=(Arg("no-such-flag", "x"),))
    old = replace(cfg, cluster=replace(cfg.cluster, api_server=server))
    with pytest.raises(BootstrapError) as caught:
        target(old, ANY_HOST, UpgradeOptions())
    assert caught.value.code == Exit.CONFIG
    assert "no-such-flag" in "".join(caught.value.details)


@pytest.mark.parametrize("version", [names.BUILT_VERSION, names.KUBERNETES_VERSION])
def test_init_goes_on_with_its_own_version(version: str) -> None:
    check_version(to_stored(stored(version)).encode())


@pytest.mark.parametrize("version", ["v1.36.3+bootstrap.1", "v1.38.0", "v1.37.0+bootstrap.2"])
def test_init_never_upgrades_by_accident(version: str) -> None:
    with pytest.raises(BootstrapError, match="this machine has Kubernetes") as caught:
        check_version(to_stored(stored(version)).encode())
    assert (caught.value.code, "bootstrap upgrade apply" in caught.value.fix) == (Exit.CONFLICT, True)


DONE = Backup("upgrade-1", "v1.36.3+bootstrap.1", names.BUILT_VERSION, "", "done")


@pytest.mark.parametrize(
    ("backups", "name", "code", "said"),
    [
        ((), "", Exit.CONFLICT, "no upgrade to go back from"),
        ((Backup("upgrade-1", "v1", "v2", "", "undone"),), "", Exit.CONFLICT, "no upgrade to go back from"),
        ((DONE,), "upgrade-2", Exit.USAGE, "no backup upgrade-2"),
        (
            (Backup("upgrade-1", "v1.35.0", "v1.36.0", "", "done"),),
            "",
            Exit.CONFLICT,
            "another upgrade since|leads from",
        ),
    ],
)
def test_what_cannot_be_gone_back_from_is_refused(
    backups: tuple[Backup, ...], name: str, code: Exit, said: str
) -> None:
    with pytest.raises(BootstrapError, match=said) as caught:
        decide_rollback(machine(names.BUILT_VERSION, *backups), "host", name, {})
    assert caught.value.code == code


def test_a_node_container_has_nothing_to_go_back_to() -> None:
    with pytest.raises(BootstrapError, match="programs of one version"):
        decide_rollback(machine(names.BUILT_VERSION, DONE), "node", "", {})


OTHER = ClusterNode("cp-2", "v1.36.3", control_plane=True)
WORKER = ClusterNode("w", "v1.36.3+bootstrap.1")


@pytest.mark.parametrize(
    ("nodes", "version", "expected"),
    [
        ((), "", []),
        ((WORKER,), "", []),
        ((OTHER, WORKER), "v1.36.3+bootstrap.1", ["cp-2"]),
        ((OTHER,), names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.0"), ["cp-2"]),
        ((OTHER,), "", ["cp-2"]),
        ((OTHER,), names.BUILT_VERSION, []),
    ],
)
def test_add_ons_wait_for_api_servers_of_the_old_version(
    nodes: tuple[ClusterNode, ...], version: str, expected: list[str]
) -> None:
    cfg = stored()
    own = ClusterNode(cfg.node.name, "v1.36.3", control_plane=True)
    servers = {cfg.node.name: "v1.36.3", **({"cp-2": version} if version else {})}

    assert behind(ClusterFacts("v1.36.3", nodes=(own, *nodes), api_servers=servers), cfg) == expected
    assert behind(None, cfg) == []


def of_a_node(host: MemoryHost, version: str, *, plane: bool = False) -> MemoryHost:
    """A machine that has joined a cluster of that version."""
    doc = {"JoinConfiguration": {"controlPlane": {}}} if plane else {}
    cfg = joining(
        Documents(doc), ClusterSpec(kubernetes_version=version), BootstrapConfig(), "192.0.2.1:6443", ANY_HOST
    )
    host.mkdir(names.STATE_DIR, 0o700)
    host.write(names.STATE_CONFIG, to_stored(cfg).encode(), 0o600)
    return host


def test_the_first_control_plane_is_no_node_to_upgrade() -> None:
    with pytest.raises(BootstrapError, match="first control plane") as caught:
        joined_here(machine())
    assert (caught.value.code, caught.value.fix) == (Exit.CONFLICT, "bootstrap upgrade apply")
    with pytest.raises(BootstrapError, match="no cluster of bootstrap's here"):
        joined_here(MemoryHost())


@pytest.mark.parametrize("plane", [False, True])
def test_a_machine_that_has_joined_is_not_the_one_to_begin_with(plane: bool) -> None:
    host = of_a_node(MemoryHost(), "v1.36.3+bootstrap.1", plane=plane)
    with pytest.raises(BootstrapError, match="not the first control plane") as caught:
        decide(host, "host", UpgradeOptions(), "", NOW)
    assert (caught.value.code, "upgrade node" in caught.value.fix) == (Exit.CONFLICT, True)
    assert joined_here(host).node.server == "192.0.2.1:6443"


NEXT_BUILD = names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.2")


@pytest.mark.parametrize(
    ("before", "cluster", "plane", "fix"),
    [
        ("v1.36.3+bootstrap.1", names.BUILT_VERSION, False, ""),
        ("v1.34.0+bootstrap.1", names.BUILT_VERSION, False, ""),
        ("v1.36.3", names.KUBERNETES_VERSION, True, ""),
        ("v1.36.3+bootstrap.1", "v1.36.3+bootstrap.1", False, "bootstrap upgrade apply, where init was run"),
        ("v1.36.3", "v1.36.3", True, "bootstrap upgrade apply, where init was run"),
        ("v1.36.3+bootstrap.1", NEXT_BUILD, False, "bootstrap upgrade node with the image of v1.37.0"),
        ("v1.36.3+bootstrap.1", "v1.38.1", True, "bootstrap upgrade node with the image of v1.38.1"),
        ("v1.35.0+bootstrap.1", names.BUILT_VERSION, True, "bootstrap upgrade apply with the image of v1.36 first"),
    ],
)
def test_a_node_follows_its_cluster(before: str, cluster: str, plane: bool, fix: str) -> None:
    cfg = joined_here(of_a_node(MemoryHost(), before, plane=plane))
    if not fix:
        check_order(cfg, cluster, UpgradeOptions())
        return
    with pytest.raises(BootstrapError) as caught:
        check_order(cfg, cluster, UpgradeOptions())
    assert (caught.value.code, caught.value.fix) == (Exit.CONFLICT, fix)


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("v1.36.3+bootstrap.1", True),
        ("v1.36.3", True),
        (names.BUILT_VERSION, False),
        (names.KUBERNETES_VERSION, False),
        (NEXT_BUILD, False),
        ("v1.38.0", False),
    ],
)
def test_join_never_upgrades_by_accident(version: str, refused: bool) -> None:
    """An older image than the cluster's is what a node may have."""
    cfg = joined_here(of_a_node(MemoryHost(), version))
    if not refused:
        again(cfg, Documents(), ANY_HOST)
        return
    with pytest.raises(BootstrapError, match="this machine has joined with") as caught:
        again(cfg, Documents(), ANY_HOST)
    assert (caught.value.code, "bootstrap upgrade node" in caught.value.fix) == (Exit.CONFLICT, True)


@pytest.mark.parametrize(
    ("version", "kubelet", "expected"),
    [
        ("v1.36.3+bootstrap.1", "v1.36.3+bootstrap.1", "v1.36.3+bootstrap.1"),
        (NEXT_BUILD, names.BUILT_VERSION, NEXT_BUILD),
        ("v1.36.3", "v1.36.3+bootstrap.1", "v1.36.3"),
        (names.BUILT_VERSION, "v1.35.1+bootstrap.1", "v1.35.1+bootstrap.1"),
        (names.BUILT_VERSION, "", names.BUILT_VERSION),
    ],
)
def test_the_way_back_of_a_node_leads_to_the_kubelet_that_it_has(
    monkeypatch: pytest.MonkeyPatch, version: str, kubelet: str, expected: str
) -> None:
    """It may have joined with an older image than its cluster's."""
    cfg, api = joined_here(of_a_node(MemoryHost(), version)), MemoryApi()
    if kubelet:
        path = f"/api/v1/nodes/{cfg.node.name}"
        api.objects[path] = {"metadata": {"name": cfg.node.name}, "status": {"nodeInfo": {"kubeletVersion": kubelet}}}
    monkeypatch.setattr(apply, "own", lambda host, cfg: lambda: api)

    assert backup_for(MemoryHost(), cfg, cfg, NOW).before == expected


PROXY = f"localhost/bootstrap/kube-proxy:{names.BUILT_VERSION.replace('+', '_')}"


@pytest.mark.parametrize(
    ("images", "repository", "lacking"),
    [
        ([], "", ["w"]),
        ([["localhost/bootstrap/kube-proxy:v1"]], "", ["w"]),
        ([["localhost/bootstrap/etcd:1"], [PROXY, "localhost/bootstrap/kube-proxy@sha256:1"]], "", []),
        ([], names.UPSTREAM_REPOSITORY, []),
    ],
)
def test_add_ons_wait_for_nodes_that_would_not_find_their_images(
    monkeypatch: pytest.MonkeyPatch, images: list[list[str]], repository: str, lacking: list[str]
) -> None:
    cfg, api = stored(), MemoryApi()
    if repository:
        cfg = replace(cfg, cluster=replace(cfg.cluster, image_repository=repository))
    worker = {"metadata": {"name": "w"}, "status": {"images": [{"names": found} for found in images]}}
    api.objects["/api/v1/nodes"] = {"items": [{"metadata": {"name": cfg.node.name}}, worker]}
    monkeypatch.setattr(apply, "administrator", lambda host, kubeconfig: api)

    assert apply.without_images(MemoryHost(), "", cfg) == lacking


@pytest.mark.parametrize(
    ("state", "before", "same"),
    [
        ("begun", "v1.36.3", True),
        ("done", names.BUILT_VERSION, True),
        ("done", "v1.36.3", False),
        ("undone", names.BUILT_VERSION, False),
    ],
)
def test_what_is_only_made_up_for_has_the_way_back_of_the_first(state: str, before: str, same: bool) -> None:
    last = Backup("upgrade-1", "v1.36.3", names.BUILT_VERSION, "", state)
    host = machine(before, last)

    assert (backup_for(host, stored(before), stored(), NOW).name == last.name) is same
