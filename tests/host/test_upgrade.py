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
from bootstrap.render.images.catalog import MINORS
from tests.e2e.joined import lines
from tests.e2e.node import IMAGE, must, until
from tests.host.machine import CONFIG, Machine, Outside

NEXT = f"{IMAGE}-2"
BEFORE, AFTER = names.BUILT_VERSION, names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.2")
WAIT, CONFLICT = 6, 8
CTR = "/opt/bootstrap/bin/ctr -a /run/bootstrap/containerd/containerd.sock -n k8s.io images"
EARLIER = "localhost/bootstrap/pause:0"
PAUSE = f"localhost/bootstrap/pause:{MINORS[names.KUBERNETES_MINOR].pause}"
REFUSED = """
spec: {containers: [{name: kube-scheduler, command: [kube-scheduler, --no-such-flag]}]}
"""


SHARED = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: {}:6443
"""
NO_KUBELET = "maxOpenFiles: -1\n"
SOON = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: UpgradeConfiguration
timeouts: {kubeletHealthCheck: 15s}
"""
WEB = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      nodeSelector: {{kubernetes.io/hostname: worker}}
      terminationGracePeriodSeconds: 1
      containers: [{{name: web, image: "{PAUSE}"}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: 1, selector: {{matchLabels: {{app: web}}}}}}
"""
"""One Pod on one machine, of which none may go."""


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine]) -> Outside:
    made = make("upgrade", kind=Outside)
    assert isinstance(made, Outside)
    shared = f"{CONFIG}---\n{SHARED.format(made.address())}"
    must(made.run(IMAGE, "init", "--config", "-", stdin=shared.encode()))
    return made


@pytest.fixture(scope="module")
def plane(machine: Outside, make: Callable[..., Machine]) -> Outside:
    return joined(machine, make, "plane")


@pytest.fixture(scope="module")
def worker(machine: Outside, make: Callable[..., Machine]) -> Outside:
    return joined(machine, make, "worker")


def joined(machine: Outside, make: Callable[..., Machine], name: str) -> Outside:
    """One more machine, of the version before."""
    made = make(name, kind=Outside, beside=machine)
    assert isinstance(made, Outside)
    shown = lines(must(machine.run(IMAGE, "init", "--upload-certs")))
    line = next(line for line in shown if ("--control-plane" in line) is (name == "plane"))
    must(made.run(IMAGE, *line.split()[1:]))
    return made


def images_of(machine: Outside, node: str) -> str:
    return must(machine.kubectl("get", "node", node, "-o", "jsonpath={.status.images[*].names}"))


def is_cordoned(machine: Outside, node: str) -> bool:
    return must(machine.kubectl("get", "node", node, "-o", "jsonpath={.spec.unschedulable}")) == "true"


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


def test_no_node_goes_before_its_cluster(machine: Outside, plane: Outside, worker: Outside) -> None:
    for made in (plane, worker):
        done = made.run(NEXT, "upgrade", "node")
        assert (done.returncode, "upgrade apply, where init was run" in done.stderr) == (CONFLICT, True), done.stderr
    assert {made.stored() for made in (machine, plane, worker)} == {BEFORE}


def test_it_goes_on_to_the_next_version(machine: Outside) -> None:
    machine.must(f"{CTR} tag {PAUSE} {EARLIER} && {CTR} label {EARLIER} io.cri-containerd.pinned=pinned")
    ca = machine.must("sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt").split()
    done = json.loads(must(machine.run(NEXT, "upgrade", "apply", "-y", "-o", "json")))

    assert (done["from"], done["to"]) == (BEFORE, AFTER)
    assert machine.versions() == {BEFORE, AFTER}  # of the other control plane, and of the add-ons
    assert machine.stored() == AFTER
    assert machine.is_ready()
    now = machine.must("sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt").split()
    assert (ca[0] == now[0], ca[2] == now[2]) == (True, False)
    shown = must(machine.kubectl("get", "configmap", "-n", "kube-system", "kubeadm-config", "-o", "yaml"))
    assert f"kubernetesVersion: {AFTER}" in shown
    pinned = {name: "pinned" in machine.must(f"{CTR} ls name=={name}") for name in (EARLIER, PAUSE)}
    assert pinned == {EARLIER: False, PAUSE: True}


def test_a_further_control_plane_follows(machine: Outside, plane: Outside, worker: Outside) -> None:
    must(plane.run(NEXT, "upgrade", "node"))

    assert machine.versions(names.CONTROL_PLANE) == plane.versions(names.CONTROL_PLANE) == {AFTER}
    assert worker.stored() == BEFORE


def test_a_worker_follows_without_its_pods_and_takes_new_ones(machine: Outside, worker: Outside) -> None:
    """While a budget lets nobody go it stays what it is."""
    machine.must(f"cat > /root/web.yaml <<'END'\n{WEB}END")
    must(machine.kubectl("apply", "-f", "/root/web.yaml"))
    must(machine.kubectl("rollout", "status", "deployment/web", "--timeout=60s"))
    kept = worker.run(NEXT, "upgrade", "node", "--drain", "--drain-timeout", "3s")

    assert (kept.returncode, "default/web-" in kept.stderr) == (WAIT, True), kept.stderr
    assert (is_cordoned(machine, "worker"), worker.stored()) == (False, BEFORE)

    before = must(machine.kubectl("get", "pods", "-l", "app=web", "-o", "name"))
    must(machine.kubectl("delete", "poddisruptionbudget", "web"))
    must(worker.run(NEXT, "upgrade", "node", "--drain"))
    assert before not in must(machine.kubectl("get", "pods", "-l", "app=web", "-o", "name"))
    assert (is_cordoned(machine, "worker"), worker.stored()) == (False, AFTER)
    until("the API shows its images", lambda: AFTER.replace("+", "_") in images_of(machine, "worker"))
    must(machine.run(NEXT, "upgrade", "apply", "-y"))  # the add-ons, whose images are everywhere now
    until("all Pods are new ones", lambda: machine.versions() == {AFTER})
    must(machine.kubectl("rollout", "status", "deployment/web", "--timeout=60s"))


def test_what_a_worker_does_not_run_goes_back_and_so_it_does_by_hand(machine: Outside, worker: Outside) -> None:
    must(worker.run(NEXT, "upgrade", "rollback", "-y"))
    assert (is_cordoned(machine, "worker"), worker.stored()) == (False, BEFORE)

    worker.must(f"mkdir -p /root/patches && cat > /root/patches/kubeletconfiguration.yaml <<'END'\n{NO_KUBELET}END")
    done = worker.run(NEXT, "upgrade", "node", "--config", "-", "--patches", "/root/patches", stdin=SOON.encode())
    assert done.returncode == WAIT, done.stdout + done.stderr
    assert f"back at {BEFORE}" in done.stderr
    until("it is Ready", machine.is_ready)
    assert (is_cordoned(machine, "worker"), worker.stored()) == (False, BEFORE)


def test_a_further_control_plane_goes_back(machine: Outside, plane: Outside) -> None:
    must(plane.run(NEXT, "upgrade", "rollback", "-y"))
    assert plane.stored() == BEFORE
    until("all are Ready", machine.is_ready)


def test_it_goes_back_by_hand(machine: Outside) -> None:
    """A run that is killed while nothing runs any more is run again."""
    listed = json.loads(must(machine.run(NEXT, "upgrade", "rollback", "--list", "-o", "json")))["backups"]
    assert [backup["state"] for backup in listed] == ["done", "undone"]
    machine.must(f"test -s {listed[0]['directory']}/etcd.db")

    killed = machine.killed("control-plane/exchanged", NEXT, "upgrade", "rollback", "-y")
    assert killed.returncode == 128 + signal.SIGKILL, killed.stdout + killed.stderr
    must(machine.run(NEXT, "upgrade", "rollback", "-y"))
    until("all Pods are the old ones", lambda: machine.versions() == {BEFORE})
    assert machine.is_ready()
    again = machine.run(NEXT, "upgrade", "rollback", "-y")
    assert (again.returncode, "no upgrade to go back from" in again.stderr) == (CONFLICT, True)


def test_the_old_program_finds_its_own_machine_again(machine: Outside) -> None:
    done = must(machine.run(IMAGE, "init"))
    assert machine.is_ready(), done
    must(machine.run(IMAGE, "reset", "--force"))
