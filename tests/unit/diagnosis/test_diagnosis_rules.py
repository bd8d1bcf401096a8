"""The rule book: each rule names what real components say, and nothing is found on a node that is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.diagnosis.evidence import Certificate, Container, Disk, Evidence, Pending, Places, Unit, Unsigned
from bootstrap.diagnosis.judge import CRASHES, ended_early, explained, fatal, judge
from bootstrap.diagnosis.rule import LINE_LENGTH, Cause
from bootstrap.diagnosis.rules import RULES
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from tests.unit.diagnosis.lines import (
    BIND,
    ETCD_BAD_FLAG,
    ETCD_BIND,
    ETCD_DATABASE,
    ETCD_POD,
    NOT_RUN,
    RUN,
    SYNC,
    WANTS_LOGIN,
    pulling,
)

NOW = 1_800_000_000.0
LINES = {**RUN, **NOT_RUN}
UNITS = ("kubelet", "containerd")


def ended(component: str, *log: str, attempt: int = 1, reason: str = "Error") -> Container:
    return Container(component, "exited", attempt, 1, reason, log=log, pod=f"{component}-n")


def saying(source: str, line: str, times: int = 2) -> Evidence:
    """A component that ended, or a kubelet that was restarted, with this line."""
    if source in UNITS:
        return Evidence(NOW, units=(Unit(source, "activating", "exit-code", times - 1, (line,)),))
    return Evidence(NOW, containers=(ended(source, line, attempt=times - 1),))


def found(evidence: Evidence) -> list[str]:
    return [finding.rule for finding in judge(evidence)]


def only(evidence: Evidence) -> Cause:
    (finding,) = judge(evidence)
    return finding


@pytest.mark.parametrize("rule", LINES)
def test_a_line_has_its_rule_and_no_other(rule: str) -> None:
    finding = only(saying(*LINES[rule]))

    assert finding.rule == rule
    assert finding.source == LINES[rule][0]
    assert finding.evidence
    assert "{" not in finding.what + finding.why.replace("&TypeMeta{", "")


TAINTED = "0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: 0/1 nodes are available."
NO_CRI_LINE = "rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"
STATES = {
    "disk-full": Evidence(NOW, disks=(Disk("/var/lib/etcd", 1 << 20, 5),)),
    "runtime-silent": Evidence(NOW, runtime_error="connect: no such file or directory"),
    "runtime-without-cri": Evidence(NOW, runtime_error=f"validate CRI v1 runtime API: {NO_CRI_LINE}"),
    "unit-stopped": Evidence(NOW, units=(Unit("kubelet", "inactive"),)),
    "certificate-ended": Evidence(NOW, certificates=(Certificate("/x.crt", 0, NOW - 60),)),
    "certificate-early": Evidence(NOW, certificates=(Certificate("/x.crt", NOW + 60, NOW + 99),)),
    "certificate-foreign": Evidence(NOW, certificates=(Certificate("/x.crt", 0, NOW + 99, issued=False),)),
    "renewal-failed": Evidence(NOW, units=(Unit(names.RENEWAL, "failed", "exit-code", 0, ("no key",)),)),
    "snapshot-failed": Evidence(NOW, units=(Unit(names.SNAPSHOTS, "failed", "exit-code", 0, ("no disk",)),)),
    "out-of-memory": Evidence(NOW, containers=(ended("etcd", reason="OOMKilled"),)),
    "port-taken": saying("kube-apiserver", BIND),
    "crash-loop": Evidence(NOW, containers=(ended("etcd", "what?", attempt=2),)),
    "address-twice": Evidence(NOW, addresses={"10.244.0.2": "eth0"}, pod_addresses=("10.244.0.2", "10.244.0.3")),
    "taint-untolerated": Evidence(NOW, pending=(Pending("tool/a-1", TAINTED, (names.CONTROL_PLANE_ROLE,)),)),
    "unschedulable": Evidence(NOW, pending=(Pending("tool/a-1", "0/1 nodes are available: 1 Insufficient cpu."),)),
    "kubelet-refused": Evidence(NOW, unsigned=(Unsigned("csr-1", "system:node:a", "x: not among"),)),
    "kubelet-unapproved": Evidence(NOW, unsigned=(Unsigned("csr-1", "system:node:a", ""),)),
    "unit-loop": Evidence(NOW, units=(Unit("containerd", "activating", "exit-code", 3, ("what?",)),)),
}


@pytest.mark.parametrize("rule", STATES)
def test_a_state_has_its_rule_and_no_other(rule: str) -> None:
    assert found(STATES[rule]) == [rule]


def test_every_rule_is_tried_and_named_once() -> None:
    assert sorted(rule.id for rule in RULES) == sorted([*LINES, *STATES])


def test_a_runtime_without_cri_may_be_starting_still() -> None:
    """It ends no wait, however often it is seen, and what a kubelet says of it does not either."""
    kubelet = (
        f'E1128 run.go:72] "command failed" err="failed to run Kubelet: validate service connection: {NO_CRI_LINE}"'
    )
    seen = Evidence(
        NOW, units=(Unit("kubelet", "activating", "exit-code", 9, (kubelet,) * 9),), runtime_error=NO_CRI_LINE
    )

    assert "runtime-without-cri" in found(seen)
    assert fatal(judge(seen)) is None


@pytest.mark.parametrize("rule", ["lease-lost", "start-too-slow", "pod-range-missing"])
def test_a_slow_machine_is_waited_for(rule: str) -> None:
    """However often it happened: the crash loop has a cause that passes."""
    source, line = LINES[rule]

    assert fatal(judge(Evidence(NOW, (ended(source, line, attempt=9),)))) is None


@pytest.mark.parametrize("reason", WANTS_LOGIN)
def test_an_image_that_wants_a_login_is_named(reason: str) -> None:
    finding = only(saying("kubelet", pulling(reason)))

    assert finding.rule == "image-wants-login"
    assert "a.test/team/app:1" in finding.what
    assert "imagePullSecrets" in finding.next


def test_a_healthy_node_has_no_findings() -> None:
    well = Evidence(
        NOW,
        containers=(Container("etcd", "running", pod="etcd-5f7352a9fc62"), Container("install-cni", "exited", 0, 0)),
        units=(Unit("kubelet", journal=(LINES["image-refused"][1],)), Unit("containerd")),
        disks=(Disk("/", 1 << 40, None),),
        certificates=(Certificate("/x.crt", 0, NOW + 1),),
    )

    assert judge(well) == ()


def test_lines_about_pods_of_users_do_not_count() -> None:
    line = LINES["image-refused"][1].replace('pod="kube-system/', 'pod="shop/')

    assert found(Evidence(NOW, units=(Unit("kubelet", journal=(line, line)),))) == []


TASK = "/run/bootstrap/containerd/io.containerd.runtime.v2.task/k8s.io/4e74/log.json"
EXEC = "exec failed: unable to create new parent process: namespace path: lstat /proc/828/ns/ipc"
GONE = ": no such file or directory"


@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("bootstrap-containerd", f'msg="warnings while cleaning up dead shim" warnings="open {TASK}{GONE}"'),
        ("containerd", f'msg="ExecSync failed" error="{EXEC}{GONE}"'),
        ("kubelet", f'"Probe errored" err="open /run/x{GONE}" pod="kube-flannel/kube-flannel-ds-nmbkz"'),
    ],
)
def test_what_goes_with_a_process_or_is_about_a_pod_explains_nothing(unit: str, line: str) -> None:
    assert found(Evidence(NOW, units=(Unit(unit, journal=(line, line)),))) == []


@pytest.mark.parametrize(
    ("source", "line", "rule"),
    [
        ("etcd", ETCD_BAD_FLAG, "flag-unknown"),
        ("etcd", ETCD_BIND, "port-taken"),
        ("etcd", ETCD_DATABASE, "etcd-data-damaged"),
    ],
)
def test_etcds_own_words_are_understood_too(source: str, line: str, rule: str) -> None:
    assert found(saying(source, line)) == [rule]


def test_the_holder_of_a_port_is_named() -> None:
    evidence = Evidence(NOW, (ended("kube-apiserver", BIND),), listeners={6443: "pid 812, /usr/sbin/haproxy"})
    finding = fatal(judge(evidence))

    assert finding
    assert finding.what == "kube-apiserver cannot listen on port 6443: it is held by pid 812, /usr/sbin/haproxy"


@pytest.mark.parametrize("holder", ["", "pid 9, kube-apiserver, in a container"])
def test_a_port_held_by_an_older_instance_or_by_nobody_ends_no_wait(holder: str) -> None:
    evidence = Evidence(NOW, (ended("kube-apiserver", BIND),), listeners={6443: holder} if holder else {})

    assert found(evidence) == ["port-taken"]
    assert fatal(judge(evidence)) is None


def test_one_end_is_not_yet_definite_two_are() -> None:
    source, line = LINES["flag-unknown"]

    assert fatal(judge(saying(source, line, times=1))) is None
    assert fatal(judge(saying(source, line, times=2)))


def test_what_passes_by_itself_never_ends_a_wait() -> None:
    for rule in ("etcd-unreachable", "image-pull-fails", "no-cni", "etcd-slow", "container-configuration"):
        assert fatal(judge(saying(*LINES[rule], times=9))) is None


def test_a_kubelet_that_has_read_no_services_yet_lacks_nothing() -> None:
    source, line = LINES["container-configuration"]
    before, _, after = line.partition('configmap \\\\\\"coredns\\\\\\" not found')
    assert after
    found = judge(saying(source, f"{before}services have not yet been read at least once{after}", times=9))
    assert [finding.rule for finding in found if finding.rule.startswith("container")] == []


def test_a_running_component_ends_no_wait_whatever_it_says() -> None:
    running = Container("kube-scheduler", "running", attempt=7, log=(LINES["tls-unknown-ca"][1],))

    assert fatal(judge(Evidence(NOW, (running,)))) is None


def test_a_crash_loop_that_no_rule_explains_ends_a_wait_late() -> None:
    assert fatal(judge(Evidence(NOW, (ended("etcd", "what?", attempt=CRASHES - 2),)))) is None
    assert fatal(judge(Evidence(NOW, (ended("etcd", "what?", attempt=CRASHES - 1),))))


def test_a_running_kubelet_must_say_it_twice() -> None:
    line = LINES["pause-image-missing"][1]

    assert fatal(judge(Evidence(NOW, units=(Unit("kubelet", journal=(line,)),)))) is None
    assert fatal(judge(Evidence(NOW, units=(Unit("kubelet", journal=(line, line)),))))


def test_the_cause_stands_above_what_follows_from_it() -> None:
    etcd, apiserver = (ended(LINES[r][0], LINES[r][1]) for r in ("etcd-data-damaged", "etcd-unreachable"))

    assert found(Evidence(NOW, (apiserver, etcd))) == ["etcd-data-damaged", "etcd-unreachable"]


def test_a_long_line_is_cut_around_what_matters() -> None:
    line = f"{SYNC}{'x' * 900} no space left on device{ETCD_POD}"
    shown = only(saying("kubelet", line)).evidence[0]

    assert "no space left on device" in shown
    assert len(shown) <= LINE_LENGTH + 1


def test_the_error_says_what_why_and_what_next() -> None:
    finding = fatal(judge(saying(*LINES["flag-unknown"])))
    assert finding
    error = ended_early(finding, 9.4)

    assert error.code == Exit.WAIT
    assert error.what.startswith("kube-apiserver does not know the flag --bogus-flag; the wait ended after 9 s")
    assert error.details == ("kube-apiserver: Error: unknown flag: --bogus-flag",)
    assert error.why
    assert "run the same command again" in error.fix
    assert "bootstrap diagnose" in error.more


def test_a_timeout_gets_its_probable_cause_or_the_last_lines() -> None:
    timeout = BootstrapError("not within 8 s", code=Exit.WAIT, why="last seen: connection refused")
    known = explained(timeout, judge(saying(*LINES["etcd-unreachable"])), ("raw",))
    unknown = explained(timeout, (), ("raw",))

    assert "kube-apiserver does not reach etcd" in known.why
    assert unknown.details == ("raw",)
    assert known.what == unknown.what == "not within 8 s"


def test_a_running_component_is_looked_at_too() -> None:
    """A scheduler that hangs on a proxy never ends."""
    running = Container("kube-scheduler", "running", log=(LINES["proxy-in-the-way"][1],))
    finding = only(Evidence(NOW, (running,)))

    assert finding.what == (
        "kube-scheduler goes through a proxy that does not answer: dial tcp 192.0.2.1:3128: connect: connection refused"
    )
    assert not finding.definite


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("kubelet: listen udp 192.0.2.1:53: bind: cannot assign requested address", "address-not-here"),
        ("listen tcp [2001:db8::9]:6443: bind: cannot assign requested address", "address-not-here"),
        ("Loop (10.244.0.2:41234 -> :53) detected for zone", "coredns-loop"),
        ("error creating file watcher: too many open files", "inotify-instances"),
        ("inotify_init: too many open files", "inotify-instances"),
        ('failed to watch "/etc/cni/net.d": no space left on device', "inotify-watches"),
        ("write /var/log/x: no space left on device", "no-space"),
        ('Post \\"https://x.y.svc\\": proxyconnect tcp: lookup proxy.example: no such host', "proxy-in-the-way"),
        ('failed calling webhook \\"a\\": failed to call webhook: Post: service \\"s\\" not found', "webhook-absent"),
    ],
)
def test_relatives_of_a_line_have_its_rule(line: str, rule: str) -> None:
    assert found(saying("coredns", line)) == [rule]


def test_the_taint_is_named_in_the_command() -> None:
    named = only(STATES["taint-untolerated"])
    unnamed = only(Evidence(NOW, pending=(Pending("tool/a-1", "1 node(s) had untolerated taint(s)"),)))

    assert "kubectl taint nodes --all node-role.kubernetes.io/control-plane-" in named.next
    assert "kubectl taint nodes --all TAINT-" in unnamed.next


def test_places_of_the_configuration_are_in_the_words() -> None:
    elsewhere = Places(certificates="/srv/pki", etcd_data="/srv/etcd", etcd_port=12379)
    damaged = replace(saying(*LINES["etcd-data-damaged"]), places=elsewhere)
    foreign = replace(saying(*LINES["tls-unknown-ca"]), places=elsewhere)
    refused = 'err="dial tcp 127.0.0.1:12379: connect: connection refused"'

    assert "cp -a /srv/etcd " in only(damaged).next
    assert "the CA in /srv/pki" in only(foreign).next
    assert found(replace(saying("kube-apiserver", refused), places=elsewhere)) == ["etcd-unreachable"]


@pytest.mark.parametrize("rule", ["kubelet-config-invalid", "manifest-invalid", "kubelet-exits"])
def test_who_is_told_to_correct_a_generated_file_is_told_the_field(rule: str) -> None:
    finding = only(saying(*LINES[rule]))

    assert "kubeadm-flags.env" not in finding.next
    assert "bootstrap init --reconfigure --config FILE" in finding.next


def test_a_pod_that_waits_for_a_node_explains_nothing_else() -> None:
    pending = STATES["unschedulable"].pending
    both = replace(saying(*LINES["image-pull-fails"]), pending=pending)

    assert found(both) == ["image-pull-fails", "unschedulable"]
