"""How a command reaches a host, without running one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bootstrap.host import live
from bootstrap.host.live import NSENTER, LiveHost
from bootstrap.model.errors import BootstrapError, Exit

ENFORCE = "/sys/fs/selinux/enforce"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """Each command with its PATH."""
    commands: list[tuple[list[str], str]] = []

    def execute(argv: Sequence[str], path: str, timeout: float, **options: object) -> str:
        commands.append((list(argv), path))
        return ""

    monkeypatch.setattr(live, "execute", execute)
    return commands


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for directory in ("usr/bin", "usr/sbin", "usr/local/bin", "sys/fs/selinux", "opt"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("/usr/bin")
    return tmp_path


def command(root: Path, path: str, mode: int = 0o755) -> None:
    (root / path).write_bytes(b"#!")
    (root / path).chmod(mode)


def test_a_command_is_the_hosts_own_by_its_absolute_path(root: Path, ran: list[tuple[list[str], str]]) -> None:
    for path in ("usr/local/bin/systemctl", "usr/bin/systemctl"):
        command(root, path)

    LiveHost(str(root), NSENTER).run(["systemctl", "stop", "x"])

    assert ran == [([*NSENTER, "/usr/bin/systemctl", "stop", "x"], "/usr/sbin:/usr/bin:/sbin:/bin")]


def test_an_absolute_path_is_taken_as_it_is(root: Path, ran: list[tuple[list[str], str]]) -> None:
    LiveHost(str(root), NSENTER).run(["/opt/bootstrap/bin/crictl", "ps"])

    assert ran[0][0] == [*NSENTER, "/opt/bootstrap/bin/crictl", "ps"]


def test_without_a_host_to_enter_the_images_own_commands_are_run(root: Path, ran: list[tuple[list[str], str]]) -> None:
    LiveHost(str(root)).run(["crictl", "ps"])

    assert ran[0][0] == ["crictl", "ps"]
    assert ran[0][1].startswith("/usr/local/sbin:")


@pytest.mark.parametrize("mode", [None, 0o644], ids=["missing", "not executable"])
def test_a_command_that_the_host_lacks_is_named(root: Path, ran: list[tuple[list[str], str]], mode: int | None) -> None:
    command(root, "usr/local/bin/conntrack")
    if mode:
        command(root, "usr/sbin/conntrack", mode)

    with pytest.raises(BootstrapError, match="conntrack is not installed on the host") as caught:
        LiveHost(str(root), NSENTER).run(["conntrack", "-L"])

    assert caught.value.code == Exit.EFFECT
    assert ran == []


@pytest.mark.parametrize(
    ("enforce", "tool", "labelled"),
    [(b"1", True, True), (b"0", True, False), (b"1", False, False), (None, True, False)],
)
def test_the_label_is_asked_for_where_selinux_enforces(
    root: Path,
    ran: list[tuple[list[str], str]],
    monkeypatch: pytest.MonkeyPatch,
    enforce: bytes | None,
    tool: bool,
    labelled: bool,
) -> None:
    if enforce:
        (root / ENFORCE[1:]).write_bytes(enforce)
    if tool:
        command(root, "usr/sbin/restorecon")
    monkeypatch.setattr(live, "replace_file", lambda *_: None)  # needs root for the owner

    source = root / "source"
    source.write_bytes(b"")
    LiveHost(str(root), NSENTER).install(str(source), "/opt/kubelet", 0o755)

    wanted = [*NSENTER, "/usr/sbin/restorecon", "-F", "/opt/kubelet"]
    assert [argv for argv, _ in ran] == ([wanted] if labelled else [])
