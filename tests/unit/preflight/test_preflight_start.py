"""What a node's start needs is judged at once: one error, the option of the engine by name, the command that works."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import Inotify
from bootstrap.preflight.start import Observed, require_start
from tests.unit.preflight.bad_starts import GOOD, LIMITS, WRONG

COMMAND = "docker run -d --privileged bootstrap:v1.37.0 init"


def refused(observed: Observed) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        require_start(observed)
    return caught.value


def test_a_good_container_is_let_start() -> None:
    require_start(GOOD)
    require_start(replace(GOOD, inotify=None))
    require_start(replace(GOOD, open_files=256))  # systemd raises it
    require_start(replace(GOOD, open_files=1024, can_raise=False))


@pytest.mark.parametrize(("observed", "code", "says"), WRONG.values(), ids=WRONG)
def test_an_option_that_is_wrong_is_named(observed: Observed, code: Exit, says: str) -> None:
    error = refused(observed)

    assert error.code == code
    assert says in error.why
    assert error.fix == COMMAND


@pytest.mark.parametrize(("observed", "says"), LIMITS.values(), ids=LIMITS)
def test_a_limit_that_is_too_low_is_named_with_a_value(observed: Observed, says: str) -> None:
    error = refused(observed)

    assert error.code == Exit.PREFLIGHT
    assert says in error.fix


def test_several_obstacles_are_one_message() -> None:
    error = refused(replace(GOOD, pid1="tini", uncapable=("CAP_SYS_ADMIN",), root_read_only=True))

    assert error.what.endswith("it has tini as its PID 1, is not privileged and has a read-only root")


def test_a_user_is_not_told_about_privileges() -> None:
    assert "privileged" not in refused(replace(GOOD, user=1000, uncapable=("CAP_SYS_ADMIN",))).why


def test_instances_that_this_node_holds_already_count() -> None:
    require_start(replace(GOOD, inotify=Inotify(20, 300, held=6)))


def test_the_command_has_the_users_verb() -> None:
    assert refused(replace(GOOD, user=1, verb="node")).fix.endswith("node")
