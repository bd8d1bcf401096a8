"""What is checked in a machine with systemd: on it, or from a container that enters it. Runs on the image's own Python.

`python3 -IS inside.py CHECK`; each check takes a host, and its assertions decide the exit code.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

UNIT = "contract.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
CONTENT = b"[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"


def units(host: Any) -> None:
    """Started, restarted, stopped, enabled; what is absent is no error."""
    host.mkdir("/etc/systemd/system", 0o755)
    absent = host.unit("absent.service")
    assert (absent.active, absent.enabled, absent.started) == (False, False, 0)
    host.stop_unit("absent.service", disable=True)

    host.write(UNIT_FILE, CONTENT, 0o644)
    host.start_unit(UNIT, enable=True, restart=False)
    first = host.unit(UNIT)
    assert (first.active, first.enabled) == (True, True)

    time.sleep(0.01)
    host.start_unit(UNIT, enable=False, restart=True)
    assert host.unit(UNIT).started > first.started

    host.stop_unit(UNIT, disable=False)
    assert (host.unit(UNIT).active, host.unit(UNIT).enabled) == (False, True)
    host.stop_unit(UNIT, disable=True)
    host.stop_unit(UNIT, disable=True)
    assert (host.unit(UNIT).active, host.unit(UNIT).enabled) == (False, False)
    host.remove(UNIT_FILE)


def commands(host: Any) -> None:
    """Environment, limits, and output kept for the error."""
    from bootstrap.model.errors import BootstrapError

    os.environ["LD_PRELOAD"] = "/nowhere.so"
    assert sorted(host.run(["env"]).splitlines())[0] == "LC_ALL=C.UTF-8"
    assert len(host.run(["env"]).splitlines()) == 2
    assert host.run(["sh", "-c", "cat; umask"]).strip().isdigit(), "standard input is empty"
    for argv, says, seconds in (
        (["sh", "-c", "echo seen; echo why >&2; exit 3"], "failed with exit code 3", 5),
        (["sh", "-c", "echo why; exit 3"], "failed with exit code 3", 5),
        (["sh", "-c", "echo why; sleep 60 & sleep 60"], "did not end within 1 s", 10),
        (["no-such-command"], "no-such-command is not installed", 5),
    ):
        began = time.monotonic()
        try:
            host.run(argv, timeout=1)
        except BootstrapError as e:
            assert says in e.what, e.what
            assert e.details == (("why",) if "why" in argv[-1] else ()), e.details
            assert time.monotonic() - began < seconds
        else:
            raise AssertionError(f"{argv} did not fail")


def entered(host: Any, mode: Any) -> None:
    """From a container: files, commands and mounts are the machine's, and its own binaries are run."""
    from bootstrap.model.errors import BootstrapError

    assert (mode.name, mode.why) == ("host", "/ of the host is mounted at /host")
    for tool in (Path("/usr/local/bin/systemctl"), Path("/usr/bin/systemctl")):
        tool.unlink(missing_ok=True)
        tool.write_text("#!/bin/sh\necho fake; exit 7\n")  # in this container
        tool.chmod(0o755)
    host.mkdir("/usr/local/bin", 0o755)
    host.write("/usr/local/bin/systemctl", b"#!/bin/sh\necho fake; exit 7\n", 0o755)  # on the machine
    assert host.run(["hostname"]).strip() == (host.read("/etc/hostname") or b"").decode().strip()
    units(host)
    commands(host)

    host.write("/etc/ours", b"x", 0o600)
    assert host.run(["stat", "-c", "%a %u", "/etc/ours"]) == "600 0\n"
    assert not Path("/etc/ours").exists(), "not in this container"
    host.run(["ln", "-s", "/etc", "/opt/absolute"])
    assert host.read("/opt/absolute/ours") == b"x"

    host.run(["mkdir", "-p", "/var/lib/contract/a"])
    host.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib/contract/a"])  # made after this container was started
    host.run(["touch", "/var/lib/contract/a/data"])
    try:
        host.remove_tree("/var/lib/contract")
    except BootstrapError as e:
        assert e.details == ("/var/lib/contract/a",)
    else:
        raise AssertionError("a mount of the machine was not seen")
    host.run(["umount", "/var/lib/contract/a"])
    host.remove_tree("/var/lib/contract")
    assert host.stat("/var/lib/contract") is None


if __name__ == "__main__":
    sys.path[:0] = ["/usr/lib/bootstrap/app", "/usr/lib/bootstrap/site"]
    from bootstrap.host.live import LiveHost
    from bootstrap.workflows.mode import enter

    if sys.argv[1] == "entered":
        chosen, machine = enter()
        entered(machine, chosen)
    else:
        {"units": units, "commands": commands}[sys.argv[1]](LiveHost())
