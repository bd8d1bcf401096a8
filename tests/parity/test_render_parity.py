"""Ours beside the real kubeadm's output, field by field, for every cluster of tests/parity/clusters.

Needs root and a kubeadm binary (tests/parity/kubeadm.py). A difference that we want is an entry of differences.yaml;
any other fails, and so does an entry that no longer matches anything.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from bootstrap.model.effects import File
from bootstrap.model.facts import HostFacts
from bootstrap.render.pki.keys import CryptoKeySource
from tests.golden.rendered import CLUSTERS, api_objects, cluster, clusters, files, patches
from tests.parity import kubeadm
from tests.parity.fields import Fields, of_file, of_object

ABSENT = "(absent)"
PROXIES = {"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": "10.0.0.0/8"}
CA_DIRECTORIES = ("/etc/ca-certificates", "/usr/share/ca-certificates")


@dataclass(frozen=True)
class Difference:
    """One field that is not the same."""

    cluster: str
    field: str
    kubeadm: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.cluster}: {self.field}\n    kubeadm {self.kubeadm!r}\n    ours    {self.ours!r}"


@dataclass(frozen=True)
class Wanted:
    """A decision: fields like `path` differ, if given only in one cluster, or where a side's value is the one named."""

    path: str
    reason: str
    cluster: str = ""
    kubeadm: Any = None
    ours: Any = None

    def covers(self, found: Difference) -> bool:
        sides = ((self.kubeadm, found.kubeadm), (self.ours, found.ours))
        same = all(mine is None or repr(mine) == repr(its) for mine, its in sides)  # repr: 0 is not False
        return same and self.cluster in ("", found.cluster) and fnmatchcase(found.field, self.path)


def wanted() -> list[Wanted]:
    """The decisions, in the order of the file."""
    return [Wanted(**entry) for entry in yaml.safe_load((Path(__file__).parent / "differences.yaml").read_text())]


@cache
def differences(name: str) -> tuple[Difference, ...]:
    """Every field of the cluster `name` that is not kubeadm's."""
    theirs, ours = _theirs(name), _ours(name)
    pairs = ((field, theirs.get(field, ABSENT), ours.get(field, ABSENT)) for field in sorted(theirs | ours))
    return tuple(Difference(name, field, a, b) for field, a, b in pairs if a != b)


@pytest.mark.parametrize("name", clusters())
def test_only_wanted_differences(name: str) -> None:
    decisions = wanted()
    unwanted = [d for d in differences(name) if not any(w.covers(d) for w in decisions)]
    assert not unwanted, "\n".join(map(str, unwanted))


def test_every_decision_still_differs() -> None:
    found = [d for name in clusters() for d in differences(name)]
    # `cluster: live`: looked at where it can differ, in test_live_parity.py.
    stale = [w.path for w in wanted() if w.cluster != "live" and not any(w.covers(d) for d in found)]
    assert not stale, stale


def test_enough_is_compared() -> None:
    """A comparison of two empty trees would pass too."""
    fields = _theirs("default")
    assert len(fields) > 400
    assert fields["/etc/kubernetes/pki/apiserver.crt usages"] == ["server"]
    assert fields["/etc/kubernetes/pki/apiserver.crt sans.10.96.0.1"] == "present"
    assert fields["/etc/kubernetes/manifests/etcd.yaml spec.containers.etcd.command.name"] == "node-1"
    assert {"Secret/kube-system/bootstrap-token-abcdef", "DaemonSet/kube-system/kube-proxy"} <= {
        field.split()[0] for field in fields
    }


@cache
def _theirs(name: str) -> Fields:
    binary = kubeadm.binary()
    with TemporaryDirectory() as directory:
        root = Path(directory)
        config = (CLUSTERS / f"{name}.yaml").read_bytes()
        for file, content in patches(name).items():
            (root / "patches").mkdir(exist_ok=True)
            (root / "patches" / file).write_bytes(content)
        bodies = kubeadm.run_phases(binary, config, root, CA_DIRECTORIES, PROXIES)
        fields: Fields = {}
        for path in sorted(p for p in root.rglob("*") if p.is_file() and p.parent not in (root, root / "patches")):
            fields |= of_file(f"/{path.relative_to(root)}", path.stat().st_mode & 0o7777, path.read_bytes())
        for body in bodies:
            fields |= of_object(body)
    return fields


def _ours(name: str) -> Fields:
    facts = HostFacts(
        mode="host", hostname=socket.gethostname().lower(), ca_directories=CA_DIRECTORIES, proxies=PROXIES
    )
    cfg, now = cluster(name, facts), datetime.now(UTC)
    tree = [f for f in files(cfg, facts, patches(name), CryptoKeySource(), now) if isinstance(f, File)]
    ca_pem = next(f.content for f in tree if f.path.endswith("pki/ca.crt"))
    fields: Fields = {}
    for file in tree:
        fields |= of_file(file.path, file.mode, file.content)
    for body in api_objects(cfg, facts, patches(name), ca_pem, now):
        fields |= of_object(body)
    return fields
