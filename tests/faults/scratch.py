"""A scratch root with a used host's files, and the real workflows on it: all of `init` and `reset` that is files.

Certificates are issued, the journal is written and the lock is held as on a machine; units, commands, the network and
the API are left out. Root only.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bootstrap.cli.main import guarded
from bootstrap.config import Overrides, load, resolve
from bootstrap.engine.journal import read_journal, sweep
from bootstrap.host.live import LiveHost
from bootstrap.host.program import manifests
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import Directory, File, Install, Link, RecordDirectory, Sysctl
from bootstrap.model.errors import Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan
from bootstrap.model.reset_effects import Restored, Unmounted
from bootstrap.model.runtime import HOST_RUNTIME
from bootstrap.preflight.checks import Preflight
from bootstrap.workflows import certs as certs_workflow
from bootstrap.workflows import init as init_workflow
from bootstrap.workflows import reset as reset_workflow
from bootstrap.workflows.execute import execute
from tests.contract.subjects import Live

ROOT = Path(__file__).parents[2]
FACTS = HostFacts(mode="host", hostname="node-1", cni_plugins=("bridge", "flannel"))
CONFIG = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {{criSocket: "{HOST_RUNTIME.socket}"}}
localAPIEndpoint: {{advertiseAddress: 192.0.2.1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: ECDSA-P256
"""
BINARY = "/bin/true"
"""Stands for every binary of ours."""
FILES = (Directory, File, Install, Link, Sysctl, RecordDirectory, Restored, Unmounted)
CREDENTIAL = re.compile(r"/etc/kubernetes/(pki/.*\.(crt|key|pub)|[a-z-]+\.conf)")
"""Files whose bytes differ from run to run. Whether they fit together is judged by `init`, which keeps what fits."""
KEPT = re.compile(r"/etc/kubernetes/pki/(.*ca\.(crt|key)|sa\.(key|pub))")
"""What a cluster depends on: never replaced once it is there."""
Look = dict[str, tuple[str, int, tuple[int, int], bytes]]
"""Path → kind, mode, owner, content."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or minus the signal that killed it; both of its outputs."""

    code: int
    output: str

    @property
    def messages(self) -> int:
        """How many errors it showed."""
        return len(re.findall("^ *✗", self.output, re.MULTILINE))


class Scratch(Live):
    """A small host that was in use before us.

    Some of what `init` writes is there, with other content, modes and owners; /opt, /var/log and /usr/local are not.
    """

    def __init__(self, top: Path) -> None:
        top.mkdir()
        super().__init__(top)
        for path in ("/etc", "/run", "/tmp", "/var/lib", "/usr/bin", "/root", "/home/user"):  # noqa: S108
            self.directory(path)
        self.file("/etc/hostname", b"node-1\n")
        self.file("/home/user/thesis")
        self.directory("/etc/sysctl.d")
        self.file("/etc/sysctl.d/99-bootstrap.conf", b"theirs = 1\n", 0o640)
        os.chown(self.root / "etc/sysctl.d/99-bootstrap.conf", 12, 34)
        self.file("/etc/sysctl.d/99-theirs.conf")
        self.directory("/etc/systemd/system/multi-user.target.wants")
        self.file("/etc/systemd/system/kubelet.service", b"[Service]\nExecStart=/theirs\n", 0o600)
        self.directory("/var/lib/kubelet", 0o750)
        self.file("/var/lib/kubelet/kubeadm-flags.env", b"THEIRS=1\n")
        self.file("/var/lib/kubelet/device-plugins", b"theirs\n")
        self.directory("/proc/sys/net/ipv4")
        self.directory("/proc/sys/net/bridge")
        self.set_kernel()

    def set_kernel(self) -> None:
        """The kernel's settings, as after a boot."""
        for value in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"):
            self.file(f"/proc/sys/net/{value}", b"0\n")

    def look(self) -> Look:
        """All that is there, but for the lock, which a machine forgets when it boots."""
        found = self.snapshot()
        found.pop(names.LOCK, None)
        return found

    def noted(self) -> dict[tuple[str, str], object]:
        """What the journal says was there before."""
        return {(entry.kind, entry.name): entry.before for entry in read_journal(self.host)}

    def init(self, prepare: Callable[[], object] = lambda: None, now: datetime | None = None) -> Ended:
        """`init` in a child; `prepare` is called in it before the first change. Prints what it changed."""

        def work() -> int:
            prepare()
            return init(str(self.root), now or datetime.now(UTC))

        return child(work)

    def renew(self, prepare: Callable[[], object] = lambda: None) -> Ended:
        """`certs renew all` in a child."""

        def work() -> int:
            prepare()
            return renew(str(self.root))

        return child(work)

    def reset(self, prepare: Callable[[], object] = lambda: None) -> Ended:
        """`reset --force` in a child."""

        def work() -> int:
            prepare()
            return reset(str(self.root))

        return child(work)


@contextmanager
def memory_disk(top: Path) -> Iterator[Path]:
    """A place for many scratch roots, where fsync costs nothing."""
    top.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top], check=True)
    try:
        yield top
    finally:
        subprocess.run(["umount", top], check=True)


@contextmanager
def scratch(top: Path) -> Iterator[Scratch]:
    """A new scratch root, gone afterwards."""
    place = Path(tempfile.mkdtemp(dir=top))
    try:
        yield Scratch(place / "top")
    finally:
        shutil.rmtree(place)


def child(work: Callable[[], int]) -> Ended:
    """Do something in a process of its own, with the command's way to show errors and to end."""
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if not pid:
            for fd in (1, 2):
                os.dup2(output.fileno(), fd)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            code = 99
            try:
                code = guarded(work)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output.seek(0)
        return Ended(status, output.read().decode())


def init(root: str, now: datetime) -> int:
    """The files of `init`, as the command makes them once preflight is over."""
    host, cfg = LiveHost(root), _configuration()
    with host.lock(names.LOCK):
        resumed = host.stat(names.STATE_CONFIG) is not None
        decision = init_workflow.Decision(cfg, FACTS, Preflight(()), resumed)
        request = init_workflow.Request(None, Overrides())
        plan = init_workflow.make_plan(host, decision, _manifests(), now, request)
        for timing in execute(host, decision, files_of(plan), lambda event: None, verb="init"):
            print("".join(f"changed: {change}\n" for change in timing.changed), end="")
    return Exit.OK


def init_at_gate(root: str) -> int:
    """`init`, with the command's way to show errors and to end, in this process."""
    return guarded(lambda: init(root, datetime.now(UTC)))


def renew(root: str) -> int:
    """The files of `certs renew all`; no kubelet runs."""
    host = LiveHost(root)
    with host.lock(names.LOCK):
        decision = certs_workflow.decide_renewal(
            host, "host", certs_workflow.CertsRequest(), ("all",), datetime.now(UTC)
        )
        files = dataclasses.replace(decision, plan=files_of(decision.plan))
        certs_workflow.renew(host, "host", files, lambda event: None)
    return Exit.OK


def reset(root: str) -> int:
    """The files of `reset --force`, its own check of the result included."""
    host = LiveHost(root)
    with host.lock(names.LOCK):
        sweep(host)
        decision = reset_workflow.decide_reset(host, "host", reset_workflow.ResetRequest())
        reset_workflow.act_reset(host, dataclasses.replace(decision, plan=files_of(decision.plan)), lambda event: None)
        if not decision.journal:
            return Exit.OK
        found = reset_workflow.verify_reset(host)
        print(*found.left, *found.others, sep="\n")
        if not found.left:
            reset_workflow.forget(host)
    return Exit.EFFECT if found.left else Exit.OK


def files_of(plan: Plan) -> Plan:
    """The plan's steps in their order, with what they do to files only; binaries are all a small one."""

    def kept(effects: Sequence[object]) -> tuple[object, ...]:
        here = (effect for effect in effects if isinstance(effect, FILES))
        return tuple(dataclasses.replace(e, source=BINARY) if isinstance(e, Install) else e for e in here)

    steps = [dataclasses.replace(step, effects=kept(step.effects), waits=()) for step in plan.steps]
    return Plan(tuple(steps))


def masked(look: Look) -> Look:
    """What two runs have in common: all but the bytes of credentials, and the journal, whose lines have no order."""
    return {
        path: (kind, mode, owner, b"" if CREDENTIAL.fullmatch(path) or path == names.JOURNAL else content)
        for path, (kind, mode, owner, content) in look.items()
    }


@cache
def _configuration() -> ClusterConfig:
    return resolve(load(CONFIG.encode()), Overrides(), FACTS)


@cache
def _manifests() -> dict[str, str]:
    return manifests()
