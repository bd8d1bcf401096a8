"""The plan of `init` on a host: what comes before the runtime, and whose runtime gets what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.config import Overrides, load, resolve
from bootstrap.model import names
from bootstrap.model.effects import (
    Directory,
    File,
    ImagePresent,
    ImagesImported,
    ImagesSeeded,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    UnitRunning,
)
from bootstrap.model.facts import HostFacts
from bootstrap.model.journal_entry import PATH
from bootstrap.model.plan import Plan, Step
from bootstrap.model.runtime import HOST_RUNTIME
from tests.golden.rendered import CLUSTERS, GUEST_HOST, NODE, NOW, FixedKeySource, guest_plan, manifests
from tests.plans import new_inputs, planned

THEIRS = "unix:///run/containerd/containerd.sock"


DEFAULT = (CLUSTERS / "default.yaml").read_bytes()
NO_PROXY = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nproxy: {disabled: true}\n"


def plan(facts: HostFacts, socket: str, config: bytes = DEFAULT, **flags: str) -> Plan:
    documents = load(config)
    if "image_repository" in flags:  # the version that is built here is in no other repository
        flags["kubernetes_version"] = "v1.37.0"
    cfg = resolve(documents, Overrides(cri_socket=socket, **flags), facts)  # type: ignore[arg-type]
    return planned(new_inputs(cfg, facts, FixedKeySource(), NOW, manifests()))


def step(found: Plan, name: str) -> Step:
    return next(s for s in found.steps if s.id == name)


def test_before_anything_else_the_journal_knows_what_others_will_fill() -> None:
    first = step(guest_plan(), "record")

    assert first.after == ()
    assert {e.path for e in first.effects if isinstance(e, RecordDirectory)} >= {
        "/etc/kubernetes",
        "/var/lib/kubelet",
        "/var/lib/etcd",
        "/var/lib/bootstrap",
    }
    assert RecordNetwork() in first.effects
    others = [s for s in guest_plan().steps if s.id != "record" and not s.after]
    assert others == []


def test_every_tree_is_noted_before_a_file_is_written_into_it() -> None:
    effects = step(guest_plan(), "record").effects

    assert max(i for i, e in enumerate(effects) if isinstance(e, RecordDirectory)) < min(
        i for i, e in enumerate(effects) if isinstance(e, Directory | File)
    )


def test_what_the_networks_pods_write_is_noted_before_there_can_be_one() -> None:
    """flannel's Pod may make its directory of addresses earlier than we do: it is not there before us for that."""
    effects = step(guest_plan(), "record").effects

    assert RecordState(PATH, names.FLANNEL_ADDRESSES) in effects
    assert RecordState(PATH, f"{HOST_RUNTIME.cni_conf}/{names.FLANNEL_CONFLIST}") in effects
    others = plan(
        GUEST_HOST,
        HOST_RUNTIME.socket,
        DEFAULT + b"---\napiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\ncni: none\n",
    )
    assert RecordState(PATH, names.FLANNEL_ADDRESSES) not in step(others, "record").effects


def test_our_runtime_starts_last_of_its_step_with_the_images_in_it() -> None:
    effects = step(guest_plan(), "runtime").effects

    assert effects[-2] == ImagesSeeded(HOST_RUNTIME.root)
    last = effects[-1]
    assert isinstance(last, UnitRunning)
    assert (last.name, last.enabled) == (HOST_RUNTIME.unit, True)
    assert {HOST_RUNTIME.config, "/etc/systemd/system/bootstrap-containerd.service"} <= set(last.uses)


def test_a_runtime_of_others_gets_images_and_is_never_configured_nor_started() -> None:
    found = plan(GUEST_HOST, THEIRS)

    assert step(found, "runtime").effects == (
        ImagesImported(THEIRS),
        RecordState(PATH, "/etc/cni/net.d/10-flannel.conflist"),
    )
    units = [e.name for s in found.steps for e in s.effects if isinstance(e, UnitRunning)]
    assert units == [
        "bootstrap-network.service",
        "kubelet.service",
        f"{names.RENEWAL}.timer",
        f"{names.APPROVER}.service",
    ]
    assert not [e for s in found.steps for e in s.effects if isinstance(e, File) and "containerd" in e.path]


def test_images_from_a_registry_are_not_brought() -> None:
    found = plan(GUEST_HOST, THEIRS, image_repository="registry.k8s.io")

    assert not [e for e in step(found, "runtime").effects if isinstance(e, ImagesImported)]


def test_the_kubelet_starts_after_the_runtime_whoever_it_belongs_to() -> None:
    for found in (guest_plan(), plan(GUEST_HOST, THEIRS)):
        assert "runtime" in step(found, "kubelet-start").after
        assert set(step(found, "runtime").after) == {"record", "host/binaries", "host/kernel", "host/network"}


def test_a_host_that_needs_no_rules_has_no_step_for_them() -> None:
    routed = tuple(replace(address, default=True) for address in GUEST_HOST.addresses)
    found = plan(replace(GUEST_HOST, docker_user_chains=(), addresses=routed), HOST_RUNTIME.socket, NO_PROXY)

    assert "host/network" not in [s.id for s in found.steps]
    assert "host/network" not in step(found, "runtime").after


@pytest.mark.parametrize(("facts", "enabled"), [(GUEST_HOST, True), (NODE, False)])
def test_only_a_hosts_kubelet_starts_by_itself_at_boot(facts: HostFacts, enabled: bool) -> None:
    """In a node container `init` runs at every boot, and starts it once its address is known."""
    kubelet = next(
        e for e in step(plan(facts, HOST_RUNTIME.socket), "kubelet-start").effects if isinstance(e, UnitRunning)
    )

    assert kubelet.enabled is enabled


def test_a_node_container_has_none_of_the_hosts_steps() -> None:
    assert not [s.id for s in plan(NODE, HOST_RUNTIME.socket).steps if s.id.startswith("host/")]


PULLING = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {%s}\n"


@pytest.mark.parametrize(
    ("options", "pulled", "chained"),
    [
        (b"imagePullPolicy: Always", True, True),
        (b"imagePullPolicy: Always, imagePullSerial: false", True, False),
        (b"imagePullPolicy: Never", False, False),
        (b"imagePullPolicy: IfNotPresent", False, False),
    ],
)
def test_without_mirrors_images_are_pulled_when_they_always_are(options: bytes, pulled: bool, chained: bool) -> None:
    """One after another, or at once, and before the kubelet looks for them."""
    found = plan(GUEST_HOST, THEIRS, PULLING % options, image_repository="registry.k8s.io")
    pulls = [s for s in found.steps if s.id.startswith("images/")]

    assert bool(pulls) is pulled
    assert all(isinstance(e, ImagePresent) and e.always for s in pulls for e in s.effects)
    assert set(step(found, "kubelet-start").after) >= {s.id for s in pulls}
    assert [s.after[1:] for s in pulls[1:]] == [((before.id,) if chained else ()) for before in pulls[:-1]]


def test_images_inside_are_never_pulled() -> None:
    found = plan(GUEST_HOST, THEIRS, PULLING % b"imagePullPolicy: Always")
    assert [s.id for s in found.steps if s.id.startswith("images/")] == []
