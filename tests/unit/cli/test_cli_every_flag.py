"""Every flag of every command: it writes a field of the configuration, or stands here with the tests that try it.

A new flag fails until it is entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bootstrap.cli.app import app
from bootstrap.cli.reset import unused
from bootstrap.model import names
from bootstrap.model.flags import CONFIGURATION
from bootstrap.workflows.leaving import Leave
from bootstrap.workflows.reset import ResetRequest

TESTS = Path(__file__).parents[2]
PROOF = {
    "allow-experimental-upgrades": "unit/config/test_config_upgrade.py",
    "allow-release-candidate-upgrades": "unit/config/test_config_upgrade.py",
    "all": "e2e/test_clusters.py",
    "api-port": "unit/workflows/test_workflow_cluster.py",
    "any-cluster": "unit/workflows/test_workflows_etcd.py",
    "arch": "registry/test_commands.py",
    "break-quorum": "e2e/test_joining.py",
    "bundle": "e2e/test_air_gap.py",
    "certificate-key": "e2e/test_joining.py",
    "certificate-renewal": "host/test_upgrade.py",
    "client-name": "unit/workflows/test_workflow_kubeconfig.py",
    "cleanup-tmp-dir": "unit/cli/test_cli_every_flag.py",
    "component-configs": "unit/cli/test_cli_config.py",
    "config": "unit/cli/test_cli_config.py",
    "control-planes": "unit/clusters/test_clusters_flags.py",
    "control-plane": "unit/phases/test_phases_join.py",
    "description": "unit/workflows/test_workflows_tokens.py",
    "drain": "e2e/test_joining.py",
    "drain-timeout": "e2e/test_joining.py",
    "dir": "e2e/test_cluster.py",
    "etcd-upgrade": "unit/phases/test_phases_upgrade.py",
    "events": "unit/cli/test_cli_reports.py",
    "exit-on-failure": "e2e/test_ways_to_run.py",
    "file": "registry/test_commands.py",
    "force": "e2e/test_reset.py",
    "from": "bundle/test_create.py",
    "groups": "unit/workflows/test_workflows_tokens.py",
    "image": "bundle/test_create.py",
    "initial-cluster": "unit/workflows/test_workflows_etcd.py",
    "insecure-unsigned": "bundle/test_faults.py",
    "inside": "unit/workflows/test_workflow_kubeconfig.py",
    "internal": "unit/workflows/test_workflow_cluster.py",
    "key": "bundle/test_create.py",
    "due": "host/test_guest.py",
    "load-balancer": "unit/workflows/test_workflow_cluster.py",
    "keep": "e2e/test_cluster.py",
    "follow": "unit/workflows/test_workflows_approve.py",
    "kubeconfig-dir": "unit/workflows/test_workflows_certs.py",
    "kubeconfig": "unit/workflows/test_workflows_leaving.py",
    "list": "host/test_upgrade.py",
    "lock": "registry/test_commands.py",
    "new-config": "unit/cli/test_cli_config.py",
    "old-config": "unit/cli/test_cli_config.py",
    "mount": "unit/clusters/test_clusters_flags.py",
    "name": "e2e/test_clusters.py",
    "network": "unit/workflows/test_workflow_cluster.py",
    "org": "unit/workflows/test_workflow_kubeconfig.py",
    "output": "unit/cli/test_cli_output.py",
    "print-config": "host/test_upgrade.py",
    "print-join-command": "e2e/test_joining.py",
    "publish": "unit/clusters/test_clusters_flags.py",
    "purge": "e2e/test_reset.py",
    "remove-addon": "e2e/test_addons.py",
    "reconfigure": "unit/workflows/test_workflows_every_setting.py",
    "retain": "unit/workflows/test_workflow_cluster.py",
    "server": "unit/workflows/test_workflow_kubeconfig.py",
    "merge": "unit/workflows/test_workflow_kubeconfig_merge.py",
    "context": "unit/workflows/test_workflow_kubeconfig_merge.py",
    "unmerge": "unit/workflows/test_workflow_kubeconfig_merge.py",
    "skip-certificate-key-print": "e2e/test_joining.py",
    "skip-token-print": "e2e/test_joining.py",
    "socket": "bundle/test_faults.py",
    "strict": "unit/preflight/test_preflight_checks.py",
    "timeout": "registry/test_commands.py",
    "timings": "bundle/test_load.py",
    "to": "registry/test_commands.py",
    "token-file": "unit/cli/test_cli_every_flag.py",
    "trusted-key": "bundle/test_create.py",
    "ttl": "unit/workflows/test_workflows_tokens.py",
    "upload-certs": "e2e/test_joining.py",
    "usages": "unit/workflows/test_workflows_tokens.py",
    "validity-period": "unit/workflows/test_workflow_kubeconfig.py",
    "verify": "e2e/test_reset.py",
    "workers": "unit/clusters/test_clusters_flags.py",
    "wait": "unit/phases/test_phases_parts.py",
    "yes": "e2e/test_cluster.py",
}
"""Flag, of whatever command → a suite that tries it, below tests/."""


def flags() -> Iterator[tuple[str, str]]:
    """Command and flag, those that write the configuration left out: they are tried field by field."""
    writing = {flag.name for flag in CONFIGURATION}

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*words, name))
        if not hasattr(command, "commands"):
            options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
            names_of = (max(p.opts, key=len).removeprefix("--") for p in options)
            yield from ((" ".join(words), name) for name in names_of if name not in writing)

    yield from walk(typer.main.get_command(app), ())


def test_every_flag_is_tried_somewhere() -> None:
    assert [f"{command} --{flag}" for command, flag in flags() if flag not in PROOF] == []
    assert set(PROOF) - {flag for _, flag in flags()} <= {"certificate-key"}


@pytest.mark.parametrize(("flag", "suite"), sorted(PROOF.items()))
def test_the_suite_names_the_flag(flag: str, suite: str) -> None:
    text = (TESTS / suite).read_text()

    assert any(word in text for word in (f"--{flag}", f"{flag.replace('-', '_')}", f'"{flag}"'))


@pytest.mark.parametrize(
    ("request_", "foreign", "named"),
    [
        (ResetRequest(names.PKI_DIR, ""), False, []),
        (ResetRequest("/srv/pki", "unix:///s", cleanup_tmp_dir=True), True, []),
        (ResetRequest("/srv/pki", "unix:///s", cleanup_tmp_dir=True), False, ["--cert-dir", "--cleanup-tmp-dir"]),
        (ResetRequest(leave=Leave(drain_timeout=60)), False, ["--drain-timeout"]),
        (ResetRequest(leave=Leave(drain=True, drain_timeout=60)), False, []),
    ],
)
def test_flags_for_other_nodes_are_named(request_: ResetRequest, foreign: bool, named: list[str]) -> None:
    assert [line.partition(" ")[0] for line in unused(request_, foreign=foreign)] == named


def test_two_ways_to_give_one_token_are_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["join", "--token", "x", "--token-file", "/x"]).exit_code == 2
