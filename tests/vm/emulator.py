"""An emulated machine: booted from a disk, driven by commands, rebooted, and cut off from its power.

QEMU emulates in software: no /dev/kvm is needed, and everything takes about ten times as long as on the machine itself.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.vm.agent import Agent
from tests.vm.timings import TIMES

BOOT = 300.0
"""Seconds until the agent answers."""
CONSOLE_LINES = 60
BOOTS = 3
"""Tries: about one kernel in twelve panicked in its first two seconds, in code that it was just patching, which points
at the emulator with its two processors."""
PANIC = "Kernel panic"
EMULATOR = [
    *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "4096"),
    # With cx16 the kernel panics in this emulator.
    *("-cpu", "max,-cx16,-la57,-smap,-smep"),
    # Nothing leaves the emulator: the machine has an address and no default route.
    *("-netdev", "user,id=n0,restrict=on,ipv6=off", "-device", "virtio-net-pci,netdev=n0"),
    # A reboot and a panic end the emulator: neither is taken for a hang.
    *("-no-reboot", "-display", "none", "-monitor", "none"),
]
KERNEL_WORDS = "root=/dev/vda rw console=ttyS0 quiet panic=1"


def new_disk(path: Path, base: Path) -> Path:
    """A disk that starts as a copy of another one and takes the space of its changes only."""
    kind = "raw" if base.suffix == ".img" else "qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", kind, path], check=True)
    return path


class EmulatorEnded(Exception):
    """The machine is gone, unasked."""


class Machine:
    """One disk and whatever emulator runs on it now. `guest` is the folder with vmlinuz and initrd."""

    living: list[Machine] = []  # noqa: RUF012 - the one list of what has to be shown on failure and ended at the end

    def __init__(self, disk: Path, guest: Path, read_only: dict[str, Path] | None = None) -> None:
        self.disk = disk
        self.console = disk.with_suffix(".console")
        self._socket = disk.with_suffix(".agent")
        self._guest = guest
        self._read_only = read_only or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: Agent | None = None

    def start(self) -> None:
        """Boots; returns when everything has been started that starts by itself."""
        assert self._process is None, "the machine is running"
        for left in reversed(range(BOOTS)):
            start = time.monotonic()
            try:
                self._boot()
                break
            except EmulatorEnded:
                self._ended()
                if not left or PANIC not in self.console.read_text(errors="replace"):
                    raise
                TIMES.append(("lost by a panic of the kernel during the boot", time.monotonic() - start))
        self.run("systemctl", "is-system-running", "--wait", timeout=BOOT)

    def _boot(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL)
        Machine.living.append(self)
        self._agent = Agent(self._socket, self._alive)
        self._agent.connect(BOOT)

    def run(self, *argv: str, stdin: bytes | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """A command's exit code and output."""
        assert self._agent, "the machine is off"
        return self._agent.run(argv, stdin, timeout)

    def must(self, *argv: str, stdin: bytes | None = None, timeout: float = 300) -> str:
        """The output of a command that has to succeed."""
        done = self.run(*argv, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"{argv} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def reboot(self) -> None:
        """As an administrator does it: services are stopped, file systems unmounted, and the machine boots again."""
        self._end("reboot")
        self.start()

    def power_off(self) -> None:
        self._end("powerdown")

    def power_cut(self) -> None:
        """Ends the emulator between two instructions: what was not flushed to the disk is lost."""
        assert self._process, "the machine is off"
        self._process.kill()
        self._ended()

    def last_lines(self) -> str:
        """The end of what the machine wrote to its console in this boot."""
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-CONSOLE_LINES:])

    def _end(self, mode: str) -> None:
        assert self._process, "the machine is off"
        assert self._agent, "the machine is off"
        self._agent.shut_down(mode)
        self._process.wait(timeout=180)
        self._ended()

    def _ended(self) -> None:
        assert self._process
        self._process.wait()
        if self._agent:
            self._agent.close()
        self._process = self._agent = None
        Machine.living.remove(self)

    def _alive(self) -> None:
        assert self._process
        code = self._process.poll()
        if code is not None:
            raise EmulatorEnded(f"the emulator ended with {code}\n{self.last_lines()}")

    def _command(self) -> Sequence[str | Path]:
        # writeback: what the machine flushes is on the disk, what it does not flush may be lost.
        disks = _disk("root", f"file={self.disk},format=qcow2,cache=writeback")
        for name, path in self._read_only.items():
            disks += _disk(name, f"file={path},format=raw,readonly=on")
        return [
            *EMULATOR,
            *("-kernel", self._guest / "vmlinuz", "-initrd", self._guest / "initrd", "-append", KERNEL_WORDS),
            *disks,
            *("-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console"),
            *("-device", "virtio-serial", "-chardev", f"socket,id=agent,path={self._socket},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        ]


def _disk(name: str, options: str) -> list[str]:
    """The first one is /dev/vda; all are in /dev/disk/by-id, by their names."""
    return ["-drive", f"id={name},if=none,{options}", "-device", f"virtio-blk-pci,drive={name},serial={name}"]
