"""The same programs under another build number: every step of an upgrade on a host, forward, back, and where it fails.

Needs the image that `STAMP=2 scripts/build_image.py` makes. Its programs run in the engine outside: the machine's own
holds no image.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from bootstrap.model import names
from tests.e2e.node import IMAGE, must
from tests.host.machine import CONFIG, Machine, Outside

NEXT = f"{IMAGE}-2"
BEFORE, AFTER = names.BUILT_VERSION, names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.2")
WAIT, CONFLICT = 6, 8
REFUSED = """
spec: {containers: [{name: kube-scheduler, command: [kube-scheduler, --no-such-flag]}]}
"""


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine]) -> Outside:
    made = make("upgrade", kind=Outside)
    assert isinstance(made, Outside)
    must(made.run(IMAGE, "init", "--config", "-", stdin=CONFIG.encode()))
    return made


def test_what_the_new_version_does_not_run_goes_back(machine: Outside) -> None:
    """A flag that the scheduler refuses: the machine is as before, and says why."""
    machine.must(f"mkdir -p /root/patches && cat > /root/patches/kube-scheduler.yaml <<'END'\n{REFUSED}END")
    done = machine.run(NEXT, "upgrade", "apply", "-y", "--patches", "/root/patches", "--certificate-renewal=false")

    assert done.returncode == WAIT, done.stdout + done.stderr
    assert "no-such-flag" in done.stderr
    assert f"back at {BEFORE}" in done.stderr
    assert machine.versions() == {BEFORE}
    assert machine.is_ready()


def test_a_dry_run_shows_it_and_changes_nothing(machine: Outside) -> None:
    there = machine.must("find /etc/kubernetes /opt/bootstrap/bin /var/lib/kubelet/*.yaml -type f | xargs sha256sum")
    shown = must(machine.run(NEXT, "upgrade", "apply", "--dry-run", "--print-config"))

    assert f"\nkubernetesVersion: {AFTER}" in shown
    assert f"+    image: localhost/bootstrap/kube-apiserver:{AFTER.replace('+', '_')}" in shown
    planned = json.loads(must(machine.run(NEXT, "upgrade", "plan", "-o", "json")))
    assert (planned["ready"], planned["problems"]) == (True, [])
    assert (planned["currentVersion"], planned["newVersion"]) == (BEFORE, AFTER)
    components = planned["availableUpgrades"][0]["components"]
    moved = {c["name"] for c in components if (c["currentVersion"], c["newVersion"]) == (BEFORE, AFTER)}
    assert {"kube-scheduler", "kube-proxy", "kubelet"} <= moved
    lines = [line for change in planned["changes"] for line in change["diff"]]
    assert f"+    image: localhost/bootstrap/kube-apiserver:{AFTER.replace('+', '_')}" in lines

    now = machine.must("find /etc/kubernetes /opt/bootstrap/bin /var/lib/kubelet/*.yaml -type f | xargs sha256sum")
    assert now == there


def test_it_goes_on_to_the_next_version(machine: Outside) -> None:
    ca = machine.must("sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt").split()
    done = json.loads(must(machine.run(NEXT, "upgrade", "apply", "-y", "-o", "json")))

    assert (done["from"], done["to"]) == (BEFORE, AFTER)
    assert machine.versions() == {AFTER}
    assert machine.is_ready()
    now = machine.must("sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt").split()
    assert (ca[0] == now[0], ca[2] == now[2]) == (True, False)
    shown = must(machine.kubectl("get", "configmap", "-n", "kube-system", "kubeadm-config", "-o", "yaml"))
    assert f"kubernetesVersion: {AFTER}" in shown


def test_it_goes_back_by_hand(machine: Outside) -> None:
    """A run that is killed while nothing runs any more is run again."""
    listed = json.loads(must(machine.run(NEXT, "upgrade", "rollback", "--list", "-o", "json")))["backups"]
    assert [backup["state"] for backup in listed] == ["done", "undone"]
    machine.must(f"test -s {listed[0]['directory']}/etcd.db")

    killed = machine.killed("control-plane/exchanged", NEXT, "upgrade", "rollback", "-y")
    assert killed.returncode == 128 + signal.SIGKILL, killed.stdout + killed.stderr
    must(machine.run(NEXT, "upgrade", "rollback", "-y"))
    assert machine.versions() == {BEFORE}
    assert machine.is_ready()
    again = machine.run(NEXT, "upgrade", "rollback", "-y")
    assert (again.returncode, "no upgrade to go back from" in again.stderr) == (CONFLICT, True)


def test_the_old_program_finds_its_own_machine_again(machine: Outside) -> None:
    done = must(machine.run(IMAGE, "init"))
    assert machine.is_ready(), done
    must(machine.run(IMAGE, "reset", "--force"))
