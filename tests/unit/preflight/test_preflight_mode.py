"""Which mode is meant, and what each wrong mixture of options is answered with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.preflight.mode import HOST, NODE, Mode, Observed, UserNamespace, choose, host_run

COMMAND = "docker run --rm --privileged --pid=host --network=host -v /:/host bootstrap:v1.37.0 init"
THROWAWAY = "docker run -d --privileged bootstrap:v1.37.0 init"
PLAIN = Observed()
GOOD = Observed(host_mounted=True, pid1_is_ours=False, pid1_is_hosts=True, same_network=True, systemd=True)
REMAPPED = UserNamespace(0, 100000, 65536)
ROOTLESS = UserNamespace(0, 1000, 1)


def test_without_a_host_root_it_is_a_node() -> None:
    assert choose(PLAIN) == Mode(NODE, "no host root is mounted")


@pytest.mark.parametrize(
    "irrelevant", [{"same_network": True}, {"privileged": False}, {"systemd": True}, {"pid1_comm": "tini"}], ids=str
)
def test_a_node_needs_nothing_of_the_host(irrelevant: dict[str, object]) -> None:
    assert choose(replace(PLAIN, **irrelevant)).name == NODE  # type: ignore[arg-type]


def test_with_everything_given_it_is_the_host() -> None:
    assert choose(GOOD) == Mode(HOST, "/ of the host is mounted at /host")


def test_labels_are_announced_where_selinux_enforces() -> None:
    assert "SELinux" in choose(replace(GOOD, selinux_enforcing=True)).why


WRONG: dict[str, tuple[Observed, Exit, str, str]] = {
    "--pid=host without a host root": (
        replace(PLAIN, pid1_is_ours=False),
        Exit.USAGE,
        "--pid=host is given, but no host root",
        COMMAND,
    ),
    "a host root without --pid=host": (
        replace(GOOD, pid1_is_ours=True, pid1_is_hosts=False, same_network=False, systemd=False, pid1_comm="bootstrap"),
        Exit.USAGE,
        "but --pid=host is missing",
        COMMAND,
    ),
    "PID 1 of another container": (
        replace(GOOD, pid1_is_hosts=False, pid1_comm="nginx", systemd=False),
        Exit.USAGE,
        "but --pid=host is missing",
        COMMAND,
    ),
    "no --network=host": (replace(GOOD, same_network=False), Exit.USAGE, "but --network=host is missing", COMMAND),
    "not privileged": (
        replace(GOOD, privileged=False, pid1_is_hosts=None, same_network=False),
        Exit.USAGE,
        "but --privileged is missing",
        COMMAND,
    ),
    "only the mount": (
        replace(GOOD, privileged=False, pid1_is_ours=True, pid1_is_hosts=False, same_network=False, systemd=False),
        Exit.USAGE,
        "but --privileged and --pid=host are missing",
        COMMAND,
    ),
    "mounted read-only": (replace(GOOD, mounted_read_only=True), Exit.USAGE, "write access", COMMAND),
    "another directory at /host": (
        replace(GOOD, missing=("etc", "usr")),
        Exit.USAGE,
        "not the root of a host: it has no etc, usr",
        COMMAND,
    ),
    "an engine that remaps users": (
        replace(GOOD, user_namespace=REMAPPED, pid1_is_hosts=None),
        Exit.USAGE,
        "root here is user 100000",
        COMMAND.replace("--privileged", "--privileged --userns=host"),
    ),
    "a node on an engine that remaps users": (
        replace(PLAIN, user_namespace=REMAPPED),
        Exit.USAGE,
        "root here is user 100000",
        THROWAWAY.replace("--privileged", "--privileged --userns=host"),
    ),
    "a rootless engine": (
        replace(GOOD, user_namespace=ROOTLESS, pid1_is_hosts=None),
        Exit.PREFLIGHT,
        "rootless: root here is user 1000",
        f"sudo {COMMAND}",
    ),
    "a node on a rootless engine": (
        replace(PLAIN, user_namespace=ROOTLESS),
        Exit.PREFLIGHT,
        "rootless",
        f"sudo {THROWAWAY}",
    ),
    "a host without systemd": (
        replace(GOOD, systemd=False, pid1_comm="openrc-init"),
        Exit.PREFLIGHT,
        "its PID 1 is openrc-init",
        THROWAWAY,
    ),
    "a host without systemd whose PID 1 is hidden": (
        replace(GOOD, systemd=False, pid1_comm="init", pid1_is_hosts=None, same_network=False),
        Exit.PREFLIGHT,
        "its PID 1 is init",
        THROWAWAY,
    ),
    "a PID 1 that cannot be entered": (
        replace(GOOD, pid1_is_hosts=None),
        Exit.PREFLIGHT,
        "cannot be entered",
        COMMAND,
    ),
    "a read-only /etc": (replace(GOOD, read_only=("/etc",)), Exit.PREFLIGHT, "mounts /etc read-only", COMMAND),
    "a read-only /opt": (replace(GOOD, read_only=("/opt",)), Exit.PREFLIGHT, "remount,rw /opt", COMMAND),
}


@pytest.mark.parametrize(("observed", "code", "says", "command"), WRONG.values(), ids=WRONG)
def test_a_wrong_set_up_is_answered_with_the_command_that_works(
    observed: Observed, code: Exit, says: str, command: str
) -> None:
    with pytest.raises(BootstrapError) as caught:
        choose(observed)

    error = caught.value
    assert error.code == code
    assert says in f"{error.what} {error.fix}"
    assert command in error.fix
    assert error.why


def test_the_command_has_the_users_verb() -> None:
    with pytest.raises(BootstrapError) as caught:
        choose(replace(PLAIN, pid1_is_ours=False, verb="reset"))

    assert caught.value.fix.startswith(host_run("reset"))
