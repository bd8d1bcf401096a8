"""`init phase certs ca` is `init --phase certs/ca`."""

from __future__ import annotations

import pytest

from bootstrap.cli.flags.phases import phase_arguments


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("init phase certs ca --config f", "init --phase certs/ca --config f"),
        ("init phase certs all", "init --phase certs/all"),
        ("init phase kubelet-start", "init --phase kubelet-start"),
        ("init phase certs ca -o json", "init --phase certs/ca -o json"),
        ("join phase kubelet-start a:1 --token t", "join --phase kubelet-start a:1 --token t"),
        ("join phase preflight", "join --phase preflight"),
        ("join phase control-plane-prepare certs a:1", "join --phase control-plane-prepare/certs a:1"),
        ("join phase control-plane-prepare all a:1", "join --phase control-plane-prepare/all a:1"),
        ("join phase control-plane-prepare a:1", "join --phase control-plane-prepare a:1"),
        ("join phase control-plane-join mark-control-plane", "join --phase control-plane-join/mark-control-plane"),
        ("join phase certs/ca a:1", "join --phase certs/ca a:1"),
        ("join a:1 --control-plane", "join a:1 --control-plane"),
        ("init --phase certs/ca", "init --phase certs/ca"),
        ("init --dry-run", "init --dry-run"),
        ("init", "init"),
        ("reset phase", "reset phase"),
        ("", ""),
    ],
)
def test_words_before_the_first_option_name_the_phase(typed: str, means: str) -> None:
    assert phase_arguments(typed.split()) == means.split()


def test_no_name_is_an_empty_one_which_is_refused_with_those_there_are() -> None:
    assert phase_arguments(["init", "phase"]) == ["init", "--phase", ""]
    assert phase_arguments(["join", "phase"]) == ["join", "--phase", ""]
    assert phase_arguments(["init", "phase", "--help"]) == ["init", "--phase", "", "--help"]
