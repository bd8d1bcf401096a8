"""What an upgrade is asked for: UpgradeConfiguration, and the flags that stand above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.config import other_kinds
from bootstrap.config.loader import Documents
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.cluster import Document
from bootstrap.model.errors import config_error

KIND = "UpgradeConfiguration"


@dataclass(frozen=True)
class UpgradeOptions:
    """kubeadm's flags and fields, by what they mean; `version` is empty for the one that this image carries.

    `policy` and `serial` are about images; empty, and None, leave it to what is stored.
    """

    version: str = ""
    pre_releases: bool = False
    renewal: bool = True
    etcd: bool = True
    force: bool = False
    dry_run: bool = False
    print_config: bool = False
    patches: str = ""
    ignored: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    policy: str = ""
    serial: bool | None = None
    timeouts: Document | None = None
    drain: float | None = None
    """Seconds that Pods have to leave the node before; None: they stay."""


def upgrade_options(documents: Documents, part: str, **given: Any) -> UpgradeOptions:
    """`part` is `apply`, `plan` or `node`; of `given` None means that the flag was not given.

    Raises BootstrapError (exit 3) when the document is not valid.
    """
    if problems := (*documents.problems, *other_kinds.check(documents, ANY_HOST)):
        raise config_error(tuple(dict.fromkeys(problems)))
    whole = documents.get(KIND)
    written = _written(whole.get(part, {}))
    flags = {name: value for name, value in given.items() if value is not None}
    return UpgradeOptions(**{**written, **flags}, timeouts=whole.get("timeouts"))


def _written(doc: Document) -> Mapping[str, Any]:
    found = {
        "version": doc.get("kubernetesVersion"),
        "pre_releases": doc.get("allowExperimentalUpgrades") or doc.get("allowRCUpgrades"),
        "renewal": doc.get("certificateRenewal"),
        "etcd": doc.get("etcdUpgrade"),
        "force": doc.get("forceUpgrade"),
        "dry_run": doc.get("dryRun"),
        "print_config": doc.get("printConfig"),
        "patches": doc.get("patches", {}).get("directory"),
        "ignored": doc.get("ignorePreflightErrors") and tuple(doc["ignorePreflightErrors"]),
        "skipped": doc.get("skipPhases") and tuple(doc["skipPhases"]),
        "policy": doc.get("imagePullPolicy"),
        "serial": doc.get("imagePullSerial"),
    }
    return {name: value for name, value in found.items() if value is not None}
