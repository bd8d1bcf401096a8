"""Wrong mixtures of options: the container ends at once with the command that would work, and nothing was touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.node import IMAGE, Node, docker, must, until

USAGE, PREFLIGHT = 2, 4
"""docs/reference/exit-codes.md"""
HOST = "docker run --rm --privileged --pid=host --network=host -v /:/host bootstrap:v1.37.0 init"
NODE = "docker run -d --privileged bootstrap:v1.37.0 init"
EVERYTHING = ("--privileged", "--pid=host", "--network=host", "-v", "/:/host")

WRONG = {
    "not privileged": ((), PREFLIGHT, "give --privileged", NODE),
    "--cap-add": (("--cap-add", "ALL"), PREFLIGHT, "is not privileged", NODE),
    "--cap-add, --device": (("--cap-add=ALL", "--device=/dev/kmsg"), PREFLIGHT, "which --cap-add, --device", NODE),
    "--read-only": (("--privileged", "--read-only"), USAGE, "leave out --read-only", NODE),
    "--init": (("--privileged", "--init"), USAGE, "leave out --init", NODE),
    "--user": (("--privileged", "--user=1000"), USAGE, "leave out --user", NODE),
    "--user alone": (("--user=1000:1000",), USAGE, "leave out --user", NODE),
    "--tmpfs /etc": (("--privileged", "--tmpfs=/etc"), USAGE, "leave out --tmpfs /etc", NODE),
    "--tmpfs /opt": (("--privileged", "--tmpfs=/opt"), USAGE, "leave out --tmpfs /opt", NODE),
    "a volume that cannot be written": (("--privileged", "-v=/usr:/var/lib/etcd:ro"), USAGE, "leave out :ro", NODE),
    "--pids-limit": (("--privileged", "--pids-limit=60"), PREFLIGHT, "60 processes", "--pids-limit=-1"),
    "another user of the host": ((*EVERYTHING, "--user=1000"), USAGE, "leave out --user", HOST),
    "--pid=host alone": (("--privileged", "--pid=host"), USAGE, "no host root is mounted", HOST),
    "--pid=host alone, not privileged": (("--pid=host",), USAGE, "no host root is mounted", HOST),
    "the mount alone": (("-v", "/:/host"), USAGE, "--privileged and --pid=host are missing", HOST),
    "no --pid=host": (("--privileged", "-v", "/:/host"), USAGE, "but --pid=host is missing", HOST),
    "no --privileged": (("--pid=host", "-v", "/:/host"), USAGE, "but --privileged is missing", HOST),
    "a mount that cannot be written": ((*EVERYTHING[:3], "-v", "/:/host:ro"), USAGE, "without :ro", HOST),
}


def refused(*words: str, options: tuple[str, ...]) -> tuple[int, str]:
    """Exit code and output of a container that must not stay."""
    done = docker("run", "--rm", *options, IMAGE, *words)
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text
    assert text.count("✗ ") == 1, text
    return done.returncode, text


@pytest.mark.parametrize(("options", "code", "says", "command"), WRONG.values(), ids=WRONG)
def test_a_wrong_mixture_is_answered_with_the_command_that_works(
    options: tuple[str, ...], code: int, says: str, command: str
) -> None:
    seen, text = refused("init", options=options)

    assert seen == code, text
    assert says in text
    assert command in text


def test_the_machines_network_is_not_given_to_a_node() -> None:
    before = links()
    node = must(docker("run", "-d", "--privileged", "--network=host", IMAGE, "init")).strip()
    try:
        code = int(must(docker("wait", node)))
        text = (logs := docker("logs", node)).stdout + logs.stderr
    finally:
        docker("rm", "-fv", node)

    assert code == PREFLIGHT, text
    assert "HostNetwork" in text
    assert "-p 6443:6443" in text
    assert HOST in text
    assert links() == before


def links() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir() if not path.name.startswith("veth")}


@pytest.mark.parametrize("option", ["--init", "--user=1000", "--tmpfs=/etc"])
def test_the_command_that_is_shown_works(option: str, start: Callable[..., Node]) -> None:
    _, text = refused("node", options=("--privileged", option))
    shown = next(line for line in text.splitlines() if line.startswith("   next   docker run -d ")).split()
    assert shown[-2:] == ["bootstrap:v1.37.0", "node"]

    node = start("shown", "node", options=shown[4:-2])
    node.wait_healthy(60)
    node.remove()


@pytest.mark.parametrize("script", ["bootstrap init; exit $?", "bootstrap node || exit $?"])
def test_what_is_not_pid_1_makes_no_node(script: str) -> None:
    done = docker("run", "--rm", "--privileged", "--entrypoint", "sh", IMAGE, "-c", script)

    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "leave out --entrypoint" in done.stderr
    assert NODE.rsplit(" ", 1)[0] in done.stderr


HOLD = """\
import ctypes, time
libc, held = ctypes.CDLL(None), []
while (fd := libc.inotify_init1(0)) >= 0: held.append(fd)
for fd in held[:{left}]: __import__("os").close(fd)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("left", [0, 20])
def test_used_up_inotify_is_named_with_its_sysctl(left: int) -> None:
    """Every container of a machine has them from the same 128, for the same user."""
    holder = must(docker("run", "-d", "--entrypoint", "python3", IMAGE, "-c", HOLD.format(left=left))).strip()
    try:
        until("all are held", lambda: "held" in docker("logs", holder).stdout, 10)
        seen, text = refused("init", options=("--privileged",))
    finally:
        docker("rm", "-f", holder)

    assert seen == PREFLIGHT, text
    assert f"{left} instances are left of fs.inotify.max_user_instances=" in text
    assert "sysctl -w fs.inotify.max_user_instances=" in text


@pytest.mark.parametrize("words", ["images list", "addon list", "bundle inspect --help", "version"])
def test_listing_needs_no_network(words: str) -> None:
    must(docker("run", "--rm", "--network", "none", IMAGE, *words.split()))


def test_a_directory_that_is_no_root_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()

    seen, text = refused("init", options=(*EVERYTHING[:3], "-v", f"{tmp_path}:/host"))

    assert seen == USAGE, text
    assert "it has no proc, usr, var" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etc"]


def test_another_containers_pid_1_is_not_the_hosts() -> None:
    other = must(docker("run", "-d", "--privileged", "--entrypoint", "sleep", IMAGE, "600")).strip()
    try:
        seen, text = refused("init", options=("--privileged", f"--pid=container:{other}", "-v", "/:/host"))
    finally:
        docker("rm", "-fv", other)

    assert seen == USAGE, text
    assert "PID 1 here (sleep) is not that of the host" in text


def test_secrets_of_the_command_line_are_not_repeated() -> None:
    seen, text = refused("init", "--token", "abcdef.0123456789abcdef", options=("--privileged", "--pid=host"))

    assert seen == USAGE, text
    assert f"{HOST} …" in text
    assert "0123456789abcdef" not in text


@pytest.mark.parametrize(
    ("outside", "code", "says"),
    [("0 1000 1", PREFLIGHT, "rootless: root here is user 1000"), ("0 100000 65536", USAGE, "--userns=host")],
    ids=["rootless", "remapped"],
)
def test_a_user_namespace_is_recognised(outside: str, code: int, says: str) -> None:
    """An engine's user namespace, made by hand: its user map is all that tells the kinds apart."""
    script = (
        "unshare --user sh -c 'sleep 1; exec bootstrap init' & sleep 0.5;"
        f" echo {outside} >/proc/$!/uid_map; echo {outside} >/proc/$!/gid_map; wait $!"
    )
    done = docker("run", "--rm", "--privileged", "--entrypoint", "sh", IMAGE, "-c", script)

    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr


def test_a_host_without_systemd_is_refused() -> None:
    """A container whose PID 1 is no systemd stands for such a host."""
    host = must(docker("run", "-d", "--privileged", "--entrypoint", "sleep", IMAGE, "600")).strip()
    try:
        root = must(docker("inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", host)).strip()
        enter = ("--privileged", f"--pid=container:{host}", f"--network=container:{host}", "-v", f"{root}:/host")
        before = sorted(must(docker("diff", host)).splitlines())
        seen, text = refused("init", options=enter)
        after = sorted(must(docker("diff", host)).splitlines())
    finally:
        docker("rm", "-fv", host)

    assert seen == PREFLIGHT, text
    assert "does not run systemd: its PID 1 is sleep" in text
    assert NODE in text
    assert after == before
