"""`init` and `reset` on a machine that is not ours: Docker and its containers never notice.

Needs a Docker engine, Go and the product's image; makes one machine (a systemd container with an engine of its own).
The tests share it and come in the order of its life.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.e2e import cis
from tests.e2e.node import Node, docker, must, until
from tests.host.machine import BUSY, ENTER, PRODUCT, ROOT, Machine

WEB = ROOT / "tests/e2e/app/web.yaml"
CONFLICT = 8
VERBOSE = """\
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {extraArgs: [{name: v, value: "3"}]}
"""
PORT = 9000
RENEWAL = "bootstrap-certificate-renewal.service"
KUBELETS = '"$(readlink -f /var/lib/kubelet/pki/kubelet-client-current.pem)"'
DAY = 86400
SHORT = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificateValidityPeriod: 30s\n"


@pytest.fixture(scope="module")
def machine(make: Callable[..., Machine], app_image: str) -> Machine:
    """Docker as its distribution ships it, whose policy for what it forwards is DROP; one container serves."""
    made = make("guest")
    made.load_product()
    made.load(app_image)
    made.must("iptables -P FORWARD DROP")
    made.must(f"docker run -d --name web --restart=always -p {PORT}:{PORT} {app_image} serve :{PORT}")
    return made


@pytest.fixture(scope="module")
def outside(machine: Machine, app_image: str) -> Iterator[str]:
    """The URL of a server beside the machine."""
    name = f"{machine.name}-outside"
    must(docker("run", "-d", "--name", name, "--network", machine.name, app_image, "serve", f":{PORT}"))
    place = f'{{{{(index .NetworkSettings.Networks "{machine.name}").IPAddress}}}}'
    yield f"http://{must(docker('inspect', '--format', place, name)).strip()}:{PORT}/"
    docker("rm", "-fv", name)


@pytest.fixture(scope="module")
def before(machine: Machine) -> list[str]:
    return machine.state()


def assert_docker_works(machine: Machine, image: str, outside: str) -> None:
    """Docker's containers reach others and are reached by them."""
    client = ("docker", "run", "--rm", "--network", machine.name, image)
    until(
        "the published port answers",
        lambda: not docker(*client[1:], "get", f"http://{machine.address()}:{PORT}/").returncode,
    )
    machine.must(f"docker run --rm {image} get {outside}")


def test_init_makes_the_machine_a_node(machine: Machine, before: list[str], app_image: str, outside: str) -> None:
    assert_docker_works(machine, app_image, outside)
    output = machine.init()
    assert "host mode" in output.splitlines()[0]
    assert machine.is_ready()
    assert "bootstrap" not in machine.must("docker ps --format '{{.Names}} {{.Command}}' | grep -v busy || true")


def test_pods_reach_a_service_by_name_and_the_world(machine: Machine, app_image: str, outside: str) -> None:
    assert "-P FORWARD DROP" in machine.must("iptables -S FORWARD")
    machine.load(app_image, f"docker run --rm -i {' '.join(ENTER)} {PRODUCT} images load -")
    machine.must(f"cat > /srv/web.yaml <<'END'\n{WEB.read_text()}END")
    must(machine.kubectl("apply", "-f", "/srv/web.yaml"))
    must(machine.kubectl("rollout", "status", "deployment/web", "--timeout=90s", timeout=120))
    must(machine.kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=60s", timeout=90))
    assert_service_answers(machine)
    must(machine.kubectl("exec", "client", "--", "/app", "get", outside))


def assert_service_answers(machine: Machine) -> None:
    pods = json.loads(must(machine.kubectl("get", "pods", "-l", "app=web", "-o", "json")))["items"]
    names = {pod["metadata"]["name"] for pod in pods}
    assert len(names) == 2
    ask = ("exec", "client", "--", "/app", "get", "http://web/")
    until("both Pods answer", lambda: {must(machine.kubectl(*ask)).strip() for _ in range(6)} == names)


def test_dockers_containers_work_beside_it(machine: Machine, app_image: str, outside: str) -> None:
    assert_docker_works(machine, app_image, outside)


def test_a_second_init_changes_nothing(machine: Machine) -> None:
    assert "nothing changed" in machine.init()


def test_the_kubelet_is_the_hosts_own(machine: Machine) -> None:
    assert machine.must("systemctl is-enabled kubelet bootstrap-containerd").split() == ["enabled", "enabled"]
    assert machine.must("stat -c %a /etc/systemd/system/kubelet.service.d/10-kubeadm.conf").strip() == "600"
    machine.must("systemd-analyze verify /etc/systemd/system/kubelet.service")


def test_the_cis_benchmark_finds_nothing_new(machine: Machine) -> None:
    assert cis.failed(machine.name).keys() == cis.KNOWN
    name = machine.must("hostname").strip()
    assert must(machine.kubectl("get", "--raw", f"/api/v1/nodes/{name}/proxy/healthz")) == "ok"
    enabled = machine.must(
        "systemctl is-active bootstrap-kubelet-certificates && systemctl is-enabled bootstrap-kubelet-certificates"
    )
    assert enabled.split() == ["active", "enabled"]


def test_commands_that_look_say_what_is_there(machine: Machine) -> None:
    found = json.loads(must(machine.bootstrap("diagnose", "-o", "json")))
    assert found["findings"] == []
    checks = json.loads(must(machine.bootstrap("preflight", "-o", "json")))
    assert checks["ok"]
    assert {"name": "RuntimeCNI", "result": "ok"} in checks["checks"]
    own = machine.must("cat /etc/kubernetes/admin.conf")
    assert must(machine.bootstrap("kubeconfig", "--inside")) == own
    assert must(machine.bootstrap("kubeconfig")) == own


def test_another_configuration_is_shown_and_refused(machine: Machine) -> None:
    machine.must(f"(cat /root/config.yaml; cat <<'END'\n{VERBOSE}END\n) > /srv/verbose.yaml")
    refused = machine.bootstrap("init", "--config", "/srv/verbose.yaml")
    assert refused.returncode == CONFLICT
    assert "apiServer.extraArgs" in refused.stderr
    assert "--reconfigure" in refused.stderr


def test_reconfigure_changes_what_can_be_changed(machine: Machine) -> None:
    must(machine.bootstrap("init", "--config", "/srv/verbose.yaml", "--reconfigure"))
    assert "--v=3" in machine.must("pgrep -af '^kube-apiserver '")
    assert machine.is_ready()


def test_reconfigure_refuses_another_pod_range(machine: Machine) -> None:
    words = ("init", "--config", "/srv/verbose.yaml", "--pod-network-cidr", "10.7.0.0/16", "--reconfigure")
    refused = machine.bootstrap(*words)
    assert refused.returncode == CONFLICT
    assert "networking.podSubnet: 10.244.0.0/16 → 10.7.0.0/16" in refused.stderr
    assert "bootstrap reset" in refused.stderr


def test_the_timer_renews_what_is_due_without_an_engine(machine: Machine) -> None:
    """On a machine whose image is gone; a result that is bad is named."""
    service, timer = RENEWAL, RENEWAL.replace("service", "timer")
    assert timer in machine.must(f"systemctl list-timers {timer}")
    machine.must(f"systemctl start {service}")
    assert "nothing is due" in machine.must(f"journalctl -u {service} -o cat")
    machine.must(f"printf '%s' '{SHORT}' > /srv/short.yaml")
    must(machine.bootstrap("certs", "renew", "apiserver", "admin.conf", "--config", "/srv/short.yaml"))
    must(machine.bootstrap("certs", "renew", "all", "--due", "--dry-run"))
    machine.must("mv /etc/kubernetes/pki/ca.key /srv/ca.key")
    assert machine.sh(f"systemctl start {service}").returncode
    machine.must("mv /srv/ca.key /etc/kubernetes/pki/ca.key")
    found = json.loads(machine.bootstrap("diagnose", "-o", "json").stdout)["findings"]
    assert "renewal-failed" in [each["rule"] for each in found]
    machine.must("systemctl stop docker.socket docker")
    machine.must(f"systemctl start {service}")
    machine.must("systemctl start docker")
    until("the API server has its new certificate", machine.is_ready, 60)
    left = json.loads(must(machine.bootstrap("certs", "check-expiration", "-o", "json")))["certificates"]
    assert min(each["residualTime"] for each in left if not each["missing"]) > DAY


def test_docker_starts_again_and_pods_do_not_notice(machine: Machine, app_image: str, outside: str) -> None:
    machine.must("systemctl restart docker")
    assert "10.244.0.0/16" in machine.must("iptables -S DOCKER-USER")
    assert_service_answers(machine)
    assert_docker_works(machine, app_image, outside)


def test_the_machine_boots_into_the_same_cluster(machine: Machine) -> None:
    machine.reboot()
    until("the node is Ready again", machine.is_ready, 180)
    wait = ("wait", "-n", "kube-system", "deployment/coredns", "--for=condition=Available", "--timeout=120s")
    must(machine.kubectl(*wait, timeout=150))
    assert_service_answers(machine)


def test_a_machine_that_was_off_until_its_certificates_ended_comes_back(machine: Machine) -> None:
    """The kubelet's own too, so that it does not start."""
    machine.must(f"systemctl stop kubelet; printf '%s' '{SHORT.replace('30s', '1s')}' > /srv/short.yaml")
    must(machine.bootstrap("certs", "renew", "all", "--config", "/srv/short.yaml"))
    machine.must(f"cd /etc/kubernetes/pki; cat apiserver-kubelet-client.crt apiserver-kubelet-client.key > {KUBELETS}")
    machine.reboot()
    machine.must(f"systemctl start {RENEWAL}")
    until("the node is Ready again", machine.is_ready, 60)
    machine.must(f"systemctl start {RENEWAL}")
    assert "nothing is due" in machine.must(f"journalctl -u {RENEWAL} -o cat -n 4")


def test_reset_takes_it_all_back(machine: Machine, before: list[str], app_image: str, outside: str) -> None:
    refused = machine.bootstrap("reset")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    done = machine.bootstrap("reset", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(set(machine.state()) ^ set(before)) == []
    assert_docker_works(machine, app_image, outside)


def test_it_joins_another_cluster_as_a_worker_and_leaves(machine: Machine, before: list[str]) -> None:
    """The same image and words as a container's; over a reboot; and back."""
    first = Node("host-first", "init", options=("--privileged", "--network", machine.name))
    try:
        first.wait_healthy(180)
        words = first.run("bootstrap", "token", "create", "--print-join-command").split()[1:]
        must(machine.bootstrap(*words))
        assert "nothing changed" in must(machine.bootstrap("join"))
        machine.reboot()

        def is_ready() -> bool:
            conditions = first.get("node", "guest")["status"]["conditions"]
            return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)

        until("it is Ready again", is_ready, 180)
        must(machine.bootstrap("reset", "--force"))
        assert sorted(set(machine.state()) ^ set(before)) == []
    finally:
        first.remove()


def test_dockers_container_never_noticed(machine: Machine) -> None:
    assert machine.must(f"docker inspect -f '{{{{.RestartCount}}}}' {BUSY}").strip() == "0"
