"""The effects of a reset: as before, whatever was before; and nothing that is not ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.engine.effects import apply_effect, containers
from bootstrap.engine.effects.trees import mounts_below
from bootstrap.engine.records import observe
from bootstrap.host.port import UnitState
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Unanswered
from bootstrap.model.journal_entry import IMAGES, MODULE, NETWORK, PATH, SYSCTL, TREE, UNIT, Entry
from bootstrap.model.reset_effects import ContainersGone, Restored, UnitsReloaded, Unmounted
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

SOCKET = "unix:///run/x.sock"
CRICTL = "crictl --runtime-endpoint=unix:///run/x.sock --timeout=60s"
PODS = f"{CRICTL} pods --output=json"


def pods(*kubelets: str, others: tuple[str, ...] = ()) -> str:
    """What crictl says of Pods of a kubelet, and of others'."""
    items = [{"id": name, "labels": {"io.kubernetes.pod.uid": f"uid-{name}"}} for name in kubelets]
    return json.dumps({"items": [*items, *({"id": name, "labels": None} for name in others)]})


def restored(host: MemoryHost, entry: Entry, *keep: str) -> str:
    return apply_effect(Restored(entry, keep), context(host), 1)


def observed(host: MemoryHost, kind: str, name: str) -> Entry:
    return Entry(kind, name, observe(host, kind, name))


def test_a_file_gets_its_content_mode_and_owner_back() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"\0theirs", 0o640, (3, 4))
    then, entry = host.entries["/etc/a"], observed(host, PATH, "/etc/a")
    host.write("/etc/a", b"ours", 0o600)

    assert restored(host, entry) == "/etc/a as before"
    assert replace(host.entries["/etc/a"], mtime=then.mtime) == then
    assert restored(host, entry) == ""


def test_a_file_that_was_removed_comes_back() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"theirs", 0o640)
    entry = observed(host, PATH, "/etc/a")
    host.remove("/etc/a")

    restored(host, entry)
    assert host.read("/etc/a") == b"theirs"


def test_a_file_comes_back_instead_of_a_link_and_what_the_link_leads_to_stays() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"theirs", 0o644)
    host.write("/etc/other", b"others", 0o644)
    entry = observed(host, PATH, "/etc/a")
    host.symlink("other", "/etc/a")

    restored(host, entry)
    assert (host.readlink("/etc/a"), host.read("/etc/a"), host.read("/etc/other")) == (None, b"theirs", b"others")


def test_a_link_gets_its_text_back() -> None:
    host = MemoryHost()
    host.symlink("theirs", "/etc/l")
    entry = observed(host, PATH, "/etc/l")
    host.symlink("ours", "/etc/l")

    restored(host, entry)
    assert host.readlink("/etc/l") == "theirs"


def test_a_directory_gets_its_mode_back() -> None:
    host = MemoryHost()
    host.mkdir("/etc/d", 0o750)
    entry = observed(host, PATH, "/etc/d")
    host.mkdir("/etc/d", 0o700)

    restored(host, entry)
    assert host.entries["/etc/d"].mode == 0o750


def test_what_was_not_there_goes() -> None:
    host = MemoryHost()
    host.write("/etc/a", b"", 0o644)
    host.symlink("nowhere", "/etc/l")
    host.mkdir("/etc/d", 0o755)
    for path in ("/etc/a", "/etc/l", "/etc/d"):
        restored(host, Entry(PATH, path, None))

    assert host.listdir("/etc") == ()


def test_a_directory_of_ours_stays_while_something_of_others_is_in_it() -> None:
    host = MemoryHost()
    host.mkdir("/etc/d", 0o755)
    host.write("/etc/d/theirs", b"", 0o644)

    restored(host, Entry(PATH, "/etc/d", None))
    assert host.listdir("/etc/d") == ("theirs",)


def tree() -> MemoryHost:
    host = MemoryHost()
    host.mkdir("/etc/t/ours", 0o755)
    for path in ("/etc/t/ours/a", "/etc/t/theirs", "/etc/t/journal"):
        host.write(path, b"", 0o644)
    return host


def test_a_tree_of_ours_goes_with_all_that_is_in_it() -> None:
    host = tree()
    restored(host, Entry(TREE, "/etc/t", None))

    assert host.listdir("/etc") == ()


def test_a_tree_that_was_there_keeps_what_was_in_it() -> None:
    host = tree()
    restored(host, Entry(TREE, "/etc/t", {"entries": ["theirs"]}))

    assert host.listdir("/etc/t") == ("theirs",)


def test_a_tree_of_ours_keeps_the_journal_as_long_as_it_is_needed() -> None:
    host = tree()
    restored(host, Entry(TREE, "/etc/t", None), "journal")

    assert host.listdir("/etc/t") == ("journal",)


@pytest.mark.parametrize("enabled", [False, True])
def test_a_unit_is_stopped_and_stays_enabled_if_it_was(enabled: bool) -> None:
    host = MemoryHost()
    host.start_unit("u.service", enable=True, restart=False)

    restored(host, Entry(UNIT, "u.service", {"active": False, "enabled": enabled}))
    assert (host.units["u.service"].active, host.units["u.service"].enabled) == (False, enabled)


def test_a_unit_that_ran_before_is_stopped_too_for_it_runs_with_our_files() -> None:
    host = MemoryHost()
    host.units["u.service"] = UnitState(active=True, enabled=True, started=1)

    restored(host, Entry(UNIT, "u.service", {"active": True, "enabled": True}))
    assert host.log == ["stop u.service"]
    assert host.units["u.service"].enabled


def test_a_sysctl_gets_its_value_back() -> None:
    host = MemoryHost()
    host.set_sysctl("net.ipv4.ip_forward", "1")

    restored(host, Entry(SYSCTL, "net.ipv4.ip_forward", {"value": "0"}))
    assert host.read("/proc/sys/net/ipv4/ip_forward") == b"0\n"


def test_a_module_stays_loaded_and_so_do_the_sysctls_that_came_with_it() -> None:
    host = MemoryHost()
    host.mkdir("/sys/module/overlay", 0o755)
    host.set_sysctl("net.netfilter.nf_conntrack_max", "131072")
    host.log.clear()

    assert restored(host, Entry(MODULE, "overlay", None)) == ""
    assert restored(host, Entry(SYSCTL, "net.netfilter.nf_conntrack_max", None)) == ""
    assert host.log == []


class Failing(MemoryHost):
    """Commands that begin with one of these words fail."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.failing = words

    def run(self, argv: Sequence[str], timeout: float = 60, *, here: bool = False) -> str:
        if argv[0].endswith(self.failing):
            raise BootstrapError(f"{argv[0]} failed", code=Exit.EFFECT)
        return super().run(argv, timeout, here=here)


def running(host: MemoryHost) -> MemoryHost:
    for unit in ("r.service", names.PODS_SLICE):
        host.units[unit] = UnitState(active=True, enabled=False, started=1)
    return host


def test_every_pod_goes_through_the_runtime() -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = pods("p1", "p2")

    assert apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1) == "2 Pods removed"
    commands = ["pods --output=json", "rmp --force p1", "rmp --force p2"]
    assert host.log == [*(f"{CRICTL} {command}" for command in commands), f"stop {names.PODS_SLICE}"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "PAUSE", 0.001)


@pytest.mark.usefixtures("quick")
def test_a_pod_that_could_not_be_removed_at_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = pods("p1", "p2")
    run, failures = host.run, ["rmp --force p2"]

    def failing_once(argv: Sequence[str], *args: Any, **options: Any) -> str:
        if failures and " ".join(argv).endswith(failures[0]):
            host.outputs[PODS] = pods("p2")
            raise BootstrapError(failures.pop(), code=Exit.EFFECT, details=("failed to destroy network",))
        return run(argv, *args, **options)

    monkeypatch.setattr(host, "run", failing_once)
    assert apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1) == "2 Pods removed"
    assert "systemctl kill --signal=KILL r.service" not in host.log


@pytest.mark.usefixtures("quick")
def test_a_runtime_of_ours_that_does_not_answer_is_killed_with_its_containers() -> None:
    host = running(Failing("crictl"))

    said = apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1)
    assert said == "r.service did not answer: its containers were killed"
    assert host.log == [f"stop {names.PODS_SLICE}", "systemctl kill --signal=KILL r.service"]


@pytest.mark.usefixtures("quick")
def test_a_pod_that_comes_late_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was being made when the kubelet ended: it makes systemd cancel the end of the slice."""
    host = running(MemoryHost())
    host.outputs[PODS] = pods("p1")
    stop, calls = host.stop_unit, []

    def cancelled_once(name: str, *, disable: bool) -> None:
        calls.append(name)
        if len(calls) == 1:
            host.outputs[PODS] = pods("p2")
            raise BootstrapError("failed", code=Exit.EFFECT, details=(f"Job for {name} canceled.",))
        stop(name, disable=disable)

    monkeypatch.setattr(host, "stop_unit", cancelled_once)
    assert apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1) == "2 Pods removed"
    assert [line for line in host.log if "rmp" in line] == [f"{CRICTL} rmp --force {pod}" for pod in ("p1", "p2")]
    assert calls == [names.PODS_SLICE, names.PODS_SLICE]


@pytest.mark.usefixtures("quick")
def test_a_runtime_of_others_that_does_not_answer_is_left_alone_and_that_is_said() -> None:
    host = running(Failing("crictl"))

    assert "did not answer" in apply_effect(ContainersGone(SOCKET), context(host), 1)
    assert host.units["r.service"].active
    assert not [line for line in host.log if "kill" in line]


def test_a_runtime_of_ours_that_does_not_run_is_not_asked() -> None:
    host = MemoryHost()

    assert apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1) == ""
    assert host.log == []


def mounted(*points: str) -> MemoryHost:
    host = MemoryHost()
    host.mkdir("/proc/1", 0o755)
    lines = [f"{number} 1 0:1 / {point} rw - tmpfs tmpfs rw\n" for number, point in enumerate(points)]
    host.write("/proc/1/mountinfo", "".join(lines).encode(), 0o444)
    host.mounts |= set(points)
    host.log.clear()
    return host


POINTS = ("/", "/t", "/t/a", "/t/a/b", "/t/theirs/x", "/tx", "/t/with\\040space")


def test_mounts_go_innermost_first_and_the_directory_itself_if_it_was_not_there() -> None:
    host = mounted(*POINTS)

    found = mounts_below(host, Unmounted("/t", None))
    assert found[-1] == "/t"
    assert found.index("/t/a/b") < found.index("/t/a")
    assert set(found) == {"/t", "/t/a", "/t/a/b", "/t/theirs/x", "/t/with space"}


def test_mounts_of_others_stay_and_so_does_one_on_a_directory_that_was_there() -> None:
    assert set(mounts_below(mounted(*POINTS), Unmounted("/t", ("theirs",)))) == {"/t/a", "/t/a/b", "/t/with space"}


def test_a_mount_on_a_directory_that_was_none_goes_too() -> None:
    """The kubelet's own, where the root is not shared."""
    assert mounts_below(mounted("/t", "/t/a"), Unmounted("/t", (), itself=True)) == ["/t/a", "/t"]


def test_each_layer_of_mounts_on_one_directory_is_unmounted() -> None:
    assert mounts_below(mounted("/t/a", "/t/a"), Unmounted("/t", None)) == ["/t/a", "/t/a"]


def test_a_name_in_any_language_can_be_unmounted() -> None:
    assert mounts_below(mounted("/t/ü"), Unmounted("/t", None)) == ["/t/ü"]


def test_mounts_are_gone_and_the_second_time_there_are_none() -> None:
    host = mounted("/t/a/b", "/t/a")

    assert apply_effect(Unmounted("/t", None), context(host), 1) == "2 mounts below /t gone"
    assert host.log == ["unmount /t/a/b", "unmount /t/a"]


class Busy(MemoryHost):
    def unmount(self, path: str) -> None:
        raise BootstrapError("umount failed", code=Exit.EFFECT, details=(f"umount: {path}: target is busy.",))


def test_a_mount_in_use_stops_the_reset_and_says_which() -> None:
    host = Busy()
    host.entries |= mounted("/t/a").entries

    with pytest.raises(BootstrapError) as caught:
        apply_effect(Unmounted("/t", None), context(host), 1)
    assert caught.value.code == Exit.EFFECT
    assert caught.value.what.startswith("/t/a cannot be unmounted")
    assert "target is busy" in caught.value.why


def test_images_that_we_brought_go_and_others_stay() -> None:
    host = MemoryHost()
    names_there = ("localhost/bootstrap/etcd:1", "localhost/bootstrap/pause:1", "example.test/theirs:1")
    host.image_ids[SOCKET] = dict.fromkeys(names_there, "sha256:1")
    entry = Entry(IMAGES, SOCKET, {"names": ["localhost/bootstrap/pause:1"]})

    assert apply_effect(Restored(entry), context(host), 1) == f"1 images removed from {SOCKET}"
    assert host.log == [f"{CRICTL} rmi localhost/bootstrap/etcd:1"]


def test_links_of_ours_go_and_others_stay() -> None:
    host = MemoryHost()
    host.networks["links"] = ("cni0", "eth0", "flannel.1", "tun7")
    entry = Entry(NETWORK, "links", {"names": ["eth0", "flannel.1"]})

    assert apply_effect(Restored(entry), context(host), 1) == "links: cni0 removed"
    assert host.log == ["ip link delete cni0"]


def test_systemd_reads_the_units_again_and_forgets_that_ours_failed_and_nobody_elses() -> None:
    host = MemoryHost()
    for name, state in (("ours", "failed"), ("gone", "dead"), ("theirs", "failed")):
        host.units[name] = UnitState(active=False, enabled=False, started=0, sub_state=state)
    apply_effect(UnitsReloaded(("ours", "gone", "never-there")), context(host), 1)

    assert host.log == ["systemctl daemon-reload", "systemctl reset-failed ours"]
    assert names.WORK_DIR not in "".join(host.entries)


def test_without_a_failed_unit_of_ours_none_is_forgotten() -> None:
    host = MemoryHost()
    apply_effect(UnitsReloaded(("ours",)), context(host), 1)

    assert host.log == ["systemctl daemon-reload"]


def test_in_a_runtime_of_others_only_the_kubelets_pods_go() -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = pods("ours", others=("theirs",))

    said = apply_effect(ContainersGone(SOCKET, kubelet_only=True), context(host), 1)
    assert said == "1 Pods removed"
    assert host.log == [PODS, f"{CRICTL} rmp --force ours", f"stop {names.PODS_SLICE}"]


def test_the_slice_of_a_kubelet_that_is_not_ours_stays() -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = pods()
    apply_effect(ContainersGone(SOCKET, "r.service", slice=""), context(host), 1)

    assert host.units[names.PODS_SLICE].active


@pytest.mark.usefixtures("quick")
def test_a_pod_that_comes_late_again_and_again_ends_the_reset_and_the_runtime_is_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = pods()

    def refuse(name: str, *, disable: bool) -> None:
        raise BootstrapError("the job did not end", code=Exit.EFFECT)

    monkeypatch.setattr(host, "stop_unit", refuse)
    with pytest.raises(BootstrapError, match="the job did not end"):
        apply_effect(ContainersGone(SOCKET, "r.service"), context(host), 1)
    assert host.log == [PODS] * containers.TRIES


@pytest.mark.parametrize("answer", ["", "[]", "{", '{"items": [{}]}', '{"items": 7}'])
@pytest.mark.usefixtures("quick")
def test_a_runtime_that_says_nothing_sensible_has_not_answered(answer: str) -> None:
    host = running(MemoryHost())
    host.outputs[PODS] = answer

    assert isinstance(apply_effect(ContainersGone(SOCKET), context(host), 1), Unanswered)


@pytest.mark.parametrize("directory", ["/", "/etc", "/home", "/home/somebody", "/usr/local/bin", "/proc/sys"])
def test_no_record_makes_us_empty_a_directory_of_the_system(directory: str) -> None:
    host = MemoryHost()
    host.mkdir(directory, 0o755)
    host.write(f"{directory.rstrip('/')}/theirs", b"", 0o644)
    host.mkdir(f"{directory.rstrip('/')}/a", 0o755)

    with pytest.raises(BootstrapError, match="nothing was removed"):
        restored(host, Entry(TREE, directory, {"entries": ["theirs"]}))
    assert "a" in host.listdir(directory)


def test_a_link_to_a_directory_of_the_system_is_one() -> None:
    host = MemoryHost()
    host.mkdir("/srv", 0o755)
    host.mkdir("/srv/x", 0o755)
    host.symlink("/srv", "/data")

    with pytest.raises(BootstrapError, match="nothing was removed"):
        restored(host, Entry(TREE, "/data", {"entries": []}))
