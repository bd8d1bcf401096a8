"""What an upgrade is asked for: UpgradeConfiguration, under flags; and which versions may follow on which."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.config import Documents, load
from bootstrap.config.upgrade import UpgradeOptions, upgrade_options
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.upgrade import version
from bootstrap.workflows.upgrade.version import check_version

HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n"


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("kubernetesVersion: v1.37.0", "version", "v1.37.0"),
        ("allowExperimentalUpgrades: true", "pre_releases", True),
        ("allowRCUpgrades: true", "pre_releases", True),
        ("certificateRenewal: false", "renewal", False),
        ("etcdUpgrade: false", "etcd", False),
        ("forceUpgrade: true", "force", True),
        ("dryRun: true", "dry_run", True),
        ("printConfig: true", "print_config", True),
        ("patches: {directory: /p}", "patches", "/p"),
        ("ignorePreflightErrors: [Swap]", "ignored", ("Swap",)),
        ("skipPhases: [addon]", "skipped", ("addon",)),
        ("imagePullPolicy: Never", "policy", "Never"),
        ("imagePullSerial: false", "serial", False),
    ],
)
def test_every_field_of_apply_means_something(field: str, name: str, value: Any) -> None:
    assert getattr(upgrade_options(load(f"{HEAD}apply: {{{field}}}".encode()), "apply"), name) == value
    assert upgrade_options(load(f"{HEAD}node: {{}}".encode()), "apply") == UpgradeOptions()


def test_a_flag_stands_above_the_file() -> None:
    documents = load(f"{HEAD}apply: {{certificateRenewal: false, skipPhases: [addon]}}".encode())
    found = upgrade_options(documents, "apply", renewal=True, skipped=None)

    assert (found.renewal, found.skipped) == (True, ("addon",))


def test_what_is_wrong_in_it_is_an_error() -> None:
    with pytest.raises(BootstrapError) as caught:
        upgrade_options(load(f"{HEAD}apply: {{patches: {{directory: p}}}}".encode()), "apply")
    assert caught.value.code == Exit.CONFIG


@pytest.mark.parametrize("asked", ["", names.KUBERNETES_VERSION, names.BUILT_VERSION, names.KUBERNETES_VERSION[1:]])
@pytest.mark.parametrize("before", ["v1.36.3+bootstrap.1", "v1.36.0", names.BUILT_VERSION, "unreadable"])
def test_the_next_minor_and_the_same_one_follow(asked: str, before: str) -> None:
    check_version(before, UpgradeOptions(version=asked))


@pytest.mark.parametrize(
    ("before", "asked", "code", "said"),
    [
        ("v1.36.3", "v1.38.0", Exit.USAGE, "this image carries"),
        ("v1.35.4", "", Exit.CONFLICT, "at once"),
        ("v1.38.0", "", Exit.CONFLICT, "is older than"),
        ("v1.37.1", "", Exit.CONFLICT, "is older than"),
    ],
)
def test_others_do_not(before: str, asked: str, code: Exit, said: str) -> None:
    with pytest.raises(BootstrapError, match=said) as caught:
        check_version(before, UpgradeOptions(version=asked, force=True))
    assert caught.value.code == code


@pytest.mark.parametrize("flag", ["--allow-experimental-upgrades", "--allow-release-candidate-upgrades"])
def test_what_is_no_release_has_to_be_asked_for(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version.names, "BUILT_VERSION", "v1.38.0-rc.1+bootstrap.1")
    with pytest.raises(BootstrapError, match="no release") as caught:
        check_version("v1.37.0", UpgradeOptions())
    assert flag in caught.value.fix
    check_version("v1.37.0", upgrade_options(Documents(), "apply", pre_releases=True))
