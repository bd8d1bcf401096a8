"""Every field of the kinds that `init` reads: it has an effect, it is refused, or it is warned about; each by its name.

What a setting of the model does to a cluster is tried in tests/unit/workflows/test_workflows_every_setting.py; here
every field of a file has to become one. A new field needs nothing here as long as one of the three holds for a value
of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from bootstrap.config import Documents, Overrides, load, resolve, unused_settings
from bootstrap.config.own.bootstrap_configuration import BootstrapConfiguration
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.schema.fields import KINDS
from bootstrap.config.schema.hints import field_paths
from bootstrap.config.unused import unused_by_join
from bootstrap.model.cluster import ClusterConfig, RunOptions, Timeouts
from bootstrap.model.errors import BootstrapError
from bootstrap.model.flags import CONFIGURATION, INIT, writing
from bootstrap.preflight.checks import run_checks
from bootstrap.render.addons.builtin import proxy_configuration
from bootstrap.render.node.kubelet import node_configuration
from tests.golden.rendered import NOW, FixedKeySource, manifests
from tests.plans import new_inputs, planned
from tests.unit.config.walk import TABLES, document, expression_of, leaves, merged, names, sample, version_of

EFFECTIVE, REFUSED, WARNED, NOTHING = "effective", "refused", "warned about", "nothing"
OTHER_VERBS = ("JoinConfiguration", "ResetConfiguration", "UpgradeConfiguration")
COMPONENTS = ("KubeletConfiguration", "KubeProxyConfiguration")


def read(doc: Mapping[str, Any]) -> tuple[ClusterConfig, list[str]]:
    """The configuration, and what is warned about. Raises BootstrapError."""
    documents = load(yaml.safe_dump(dict(doc)).encode())
    cfg = resolve(documents, Overrides(), ANY_HOST)
    warnings = unused_settings(documents, Overrides(), cfg, uploads=False, tokens_made=False)
    return cfg, [warning.path for warning in warnings]


VALUES: dict[str, Any] = {
    "InitConfiguration.bootstrapTokens[].token": "abcdef.0123456789abcdef",
    "InitConfiguration.bootstrapTokens[].usages": ["authentication"],
    "InitConfiguration.bootstrapTokens[].groups": ["system:bootstrappers:some:group"],
    "InitConfiguration.certificateKey": "0f" * 32,
    "InitConfiguration.localAPIEndpoint.advertiseAddress": "192.0.2.7",
    "InitConfiguration.nodeRegistration.criSocket": "unix:///run/value.sock",
    "InitConfiguration.nodeRegistration.imagePullSerial": False,
    "InitConfiguration.patches.directory": "/value",
    "ClusterConfiguration.certificatesDir": "/value",
    "ClusterConfiguration.etcd.local.dataDir": "/value",
    "ClusterConfiguration.etcd.external.caFile": "/value",
    "ClusterConfiguration.etcd.external.certFile": "/value",
    "ClusterConfiguration.etcd.external.keyFile": "/value",
    "ClusterConfiguration.etcd.external.endpoints": ["https://192.0.2.7:2379"],
    "ClusterConfiguration.etcd.external.httpEndpoints": ["http://192.0.2.7:2381"],
    "ClusterConfiguration.featureGates": {"RootlessControlPlane": False},
    "ClusterConfiguration.imageRepository": "registry.example/value",
    "ClusterConfiguration.kubernetesVersion": "v1.37.0+bootstrap.1",
    "ClusterConfiguration.networking.podSubnet": "10.7.0.0/16",
    "ClusterConfiguration.networking.serviceSubnet": "10.7.0.0/16",
    "BootstrapConfiguration.cni": "none",
    "BootstrapConfiguration.addons": ["value=/value.yaml"],
    "BootstrapConfiguration.hardening": False,
    "BootstrapConfiguration.storage": "local-path",
    "BootstrapConfiguration.loadBalancerAddresses": ["192.0.2.200-192.0.2.250"],
    "BootstrapConfiguration.mirrors": {"offline": True},
    "BootstrapConfiguration.controlPlaneVIP": {"address": "192.0.2.200"},
    "BootstrapConfiguration.encryption": {"provider": "secretbox"},
    "BootstrapConfiguration.etcdSnapshots": 7,
}
"""Where no value of the type would do."""
BESIDE: dict[str, dict[str, Any]] = {
    "InitConfiguration.nodeRegistration.taints[]": {"key": "a", "effect": "NoSchedule"},
    "InitConfiguration.nodeRegistration.kubeletExtraArgs[]": {"name": "v", "value": "2"},
    "ClusterConfiguration.etcd.external": {
        "endpoints": ["https://192.0.2.8:2379"],
        **dict.fromkeys(("caFile", "certFile", "keyFile"), "/a"),
    },
    **{
        f"ClusterConfiguration.{component}.{field}[]": item
        for component in ("apiServer", "controllerManager", "scheduler", "etcd.local")
        for field, item in (
            ("extraArgs", {"name": "snapshot-count" if component == "etcd.local" else "v", "value": "2"}),
            ("extraEnvs", {"name": "A"}),
            ("extraVolumes", {"name": "a", "hostPath": "/a", "mountPath": "/b"}),
        )
    },
}
"""Below which fields what else has to be written."""
FIXED = {"ClusterConfiguration.kubernetesVersion", "ClusterConfiguration.featureGates"}
"""Fields with one value that is taken: every other one is refused."""


def base_of(path: str) -> dict[str, Any]:
    doc: dict[str, Any] = {"apiVersion": version_of(path.partition(".")[0]), "kind": path.partition(".")[0]}
    for above, item in BESIDE.items():
        if path.startswith(f"{above}."):
            doc = merged(doc, document(above.removesuffix("[]"), [item] if above.endswith("[]") else item))
    return doc


def verdict(path: str, value: Any) -> str:
    before, _ = read(base_of(path))
    try:
        after, warnings = read(merged(base_of(path), document(path, value)))
    except BootstrapError as error:
        return REFUSED if any(names(line, path) for line in error.details) else NOTHING
    if any(names(line, path) for line in warnings):
        return WARNED
    return EFFECTIVE if after != before else NOTHING


OWN = [f"BootstrapConfiguration.{name}" for name in BootstrapConfiguration.model_fields]


@pytest.mark.parametrize("path", [*leaves("InitConfiguration"), *leaves("ClusterConfiguration")])
def test_a_field_of_init_is_effective_or_named(path: str) -> None:
    value = VALUES[path] if path in VALUES else sample(expression_of(path))
    if path in FIXED:
        assert verdict(path, value) in (NOTHING, EFFECTIVE)
        value = {"value": True} if isinstance(value, dict) else "v1.35.0"

    assert verdict(path, value) != NOTHING


@pytest.mark.parametrize("path", OWN)
def test_a_field_of_our_own_is_effective_or_named(path: str) -> None:
    if path.endswith(".bundle"):  # tests/unit/config/test_config_bundle.py
        return
    default = BootstrapConfiguration.model_fields[path.partition(".")[2]].default
    value = VALUES.get(
        path, not default if isinstance(default, bool) or path.endswith(("OnControlPlane", "Kubelets")) else ["value"]
    )

    assert verdict(path, value) == EFFECTIVE


@pytest.mark.parametrize("kind", OTHER_VERBS)
def test_a_document_of_another_verb_is_warned_about(kind: str) -> None:
    assert read({"apiVersion": version_of(kind), "kind": kind})[1] == [kind]


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"JoinConfiguration"}))
def test_join_names_the_documents_that_it_does_not_read(kind: str) -> None:
    documents = load(yaml.safe_dump({"apiVersion": version_of(kind), "kind": kind}).encode())

    assert [problem.path for problem in unused_by_join(documents)] == [kind]


def rendered_component(cfg: ClusterConfig, kind: str) -> Any:
    return node_configuration(cfg, ANY_HOST, {}) if kind == COMPONENTS[0] else proxy_configuration(cfg, ANY_HOST)


def value_at(doc: Any, path: str) -> Any:
    for word in path.split(".")[1:]:
        doc = doc.get(word.removesuffix("[]"), {})
        doc = doc[0] if word.endswith("[]") and doc else doc
    return doc


@pytest.mark.parametrize("path", [path for kind in COMPONENTS for path in leaves(kind)])
def test_a_field_of_a_component_reaches_it_or_is_named(path: str) -> None:
    value = False if path.endswith(".rotateCertificates") else sample(expression_of(path))
    try:
        cfg, warnings = read(document(path, value))
    except BootstrapError as error:
        assert any(names(line, path) for line in error.details)
        return
    arrived = value_at(rendered_component(cfg, path.partition(".")[0]), path) == value

    assert arrived or path in warnings


OF_THE_RUN: dict[str, Callable[[ClusterConfig], Any]] = {
    "tokens": lambda cfg: cfg.run.tokens,  # tests/unit/phases, tests/unit/render: Secrets of tokens
    "certificate_key": lambda cfg: cfg.run.certificate_key,  # tests/unit/render/test_render_joining.py: uploads
    "skip_phases": lambda cfg: plan_of(cfg),
    "ignore_preflight_errors": lambda cfg: run_checks(cfg, replace(ANY_HOST, root_user=False), fresh=True),
    "timeouts": lambda cfg: plan_of(cfg),
    "dry_run": lambda cfg: cfg.run.dry_run,  # tests/unit/cli/test_cli_dry_run.py
}
"""Where each option of a run shows: another value gives something else."""


def plan_of(cfg: ClusterConfig) -> str:
    return repr(planned(new_inputs(cfg, ANY_HOST, FixedKeySource(), NOW, manifests())))


def test_every_option_of_a_run_is_tried() -> None:
    assert set(vars(RunOptions())) == set(OF_THE_RUN)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("skip_phases", ("addon/coredns",)),
        ("ignore_preflight_errors", ("IsPrivilegedUser",)),
        ("timeouts", Timeouts(control_plane_component_health_check=7)),
        ("timeouts", Timeouts(kubelet_health_check=7)),
        ("timeouts", Timeouts(kubernetes_api_call=7)),
        ("timeouts", Timeouts(etcd_api_call=7)),
    ],
)
def test_an_option_of_a_run_changes_what_it_is_about(option: str, value: Any) -> None:
    cfg, _ = read(document("InitConfiguration.dryRun", False))
    other = replace(cfg, run=replace(cfg.run, **{option: value}))

    assert OF_THE_RUN[option](cfg) != OF_THE_RUN[option](other)


FLAG_VALUES: dict[str, Any] = {
    "feature-gates": "RootlessControlPlane=false",
    "mirrors": None,
    "apiserver-bind-port": 7443,
    "dry-run": True,
    "control-plane-vip": "192.0.2.200",
    "encryption-provider": "secretbox",
}


@pytest.mark.parametrize("flag", writing(INIT), ids=lambda flag: flag.name)
def test_a_flag_writes_what_the_file_would_say(flag: Any) -> None:
    path = flag.writes[INIT].replace("[0]", "[]")
    if flag.form == "file":  # tests/unit/config/test_config_mirrors.py
        return
    kind = path.partition(".")[0]
    value = VALUES[path] if path in VALUES else ["value"] if kind not in KINDS else sample(expression_of(path))
    written = {"gates": {"RootlessControlPlane": False}, "vip": value, "encryption": value}
    value = FLAG_VALUES.get(flag.name, value)
    in_file = written.get(flag.form, value)
    given = ",".join(value) if flag.form == "commas" else tuple(value) if flag.form == "many" else value
    by_file, _ = read(document(path, in_file))

    by_flag = resolve(Documents(), Overrides(**{flag.key: given}), ANY_HOST)

    assert by_flag == by_file
    assert path in FIXED or by_flag != read(document("InitConfiguration.dryRun", False))[0]


def test_every_writing_flag_names_a_field() -> None:
    known = {path for kind in KINDS for path in field_paths(kind, TABLES)} | set(OWN)

    written = [path for flag in CONFIGURATION for path in flag.writes.values()]
    assert [path for path in written if path.replace("[0]", "[]") not in known] == []
