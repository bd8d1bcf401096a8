"""Needs: root or a Docker engine's user, the image (`make image`), Go, and the guest (`scripts/build_guest.py`).

Every machine starts from one disk on which the machine's own engine has loaded the image.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, docker, must
from tests.vm.emulator import Machine, new_disk
from tests.vm.nodes import PRODUCT, WEB_IMAGE
from tests.vm.timings import TIMES, timed

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bootstrap"
APP = Path(__file__).parents[1] / "e2e/app"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the disks are; gone at the end, since they are large."""
    with tempfile.TemporaryDirectory(prefix="bt-vm-") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def guest() -> Path:
    """The newest guest: vmlinuz, initrd and root.img."""
    found = max(CACHE.glob("guest/*/root.img"), key=lambda path: path.stat().st_mtime, default=None)
    assert found, "no guest; make it with: scripts/build_guest.py"
    return found.parent


@pytest.fixture(scope="session")
def archive(folder: Path) -> Iterator[Path]:
    """`docker save` of the product and of the e2e suite's program."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", folder / "app", "."], cwd=APP, env=env, check=True
    )
    packed = subprocess.run(["tar", "-C", folder, "-c", "app"], capture_output=True, check=True).stdout
    must(docker("import", "--change", 'ENTRYPOINT ["/app"]', "-", WEB_IMAGE, stdin=packed))
    with timed("docker save, outside"):
        must(docker("save", "--output", str(folder / "images.tar"), IMAGE, WEB_IMAGE))
    yield folder / "images.tar"
    docker("image", "rm", WEB_IMAGE)


@pytest.fixture(scope="session")
def loaded(folder: Path, guest: Path, archive: Path) -> Path:
    """The disk that all machines start from."""
    machine = Machine(new_disk(folder / "loaded.qcow2", guest / "root.img"), guest, read_only={"images": archive})
    with timed("first boot"):
        machine.start()
    with timed("docker load"):
        machine.must("docker", "load", "--input", "/dev/disk/by-id/virtio-images", timeout=900)
    if IMAGE != PRODUCT:
        machine.must("docker", "tag", IMAGE, PRODUCT)
    machine.power_off()
    return machine.disk


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, folder: Path, guest: Path, loaded: Path) -> Iterator[Machine]:
    """A machine of the module's own, running."""
    machine = Machine(new_disk(folder / f"{request.module.__name__}.qcow2", loaded), guest)
    with timed("boot"):
        machine.start()
    yield machine
    if machine in Machine.living:
        machine.power_cut()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        for machine in Machine.living:
            report.sections.append((f"console of {machine.disk.stem}", machine.last_lines()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TIMES:
        terminalreporter.section("how long each part took")
    for what, seconds in TIMES:
        terminalreporter.write_line(f"{seconds:8.1f} s  {what}")


def pytest_sessionfinish() -> None:
    for machine in list(Machine.living):
        machine.power_cut()
