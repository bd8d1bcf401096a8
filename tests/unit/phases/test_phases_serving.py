"""Kubelets that serve with what the cluster has signed: who asks, who approves, who verifies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gen_docs import default_inputs

from bootstrap.model import names
from bootstrap.model.cluster import Arg, ClusterConfig
from bootstrap.model.conditions import KubeletSigned
from bootstrap.model.effects import Apply, File, FileGone, ProgramInstalled, ServingApproved, UnitRunning, UnitStopped
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.serving import CERTIFICATE, RIGHTS, UNIT, approving_steps, signed_step
from bootstrap.render.controlplane.own import stored
from bootstrap.render.node.kubelet import cluster_configuration
from tests.golden.rendered import GUEST_HOST, NODE

SIGNED = KubeletSigned(default_inputs()[0].cfg.node.name, names.KUBELET_SERVING_CURRENT, NODE.booted)
APPROVER = f"{names.APPROVER}.service"


def inputs(mode: str = "node", kubelet: dict[str, Any] | None = None, server: str = "", **own: Any) -> NodeInputs:
    given = default_inputs()[0]
    cfg = replace(
        given.cfg,
        own=replace(given.cfg.own, **own),
        cluster=replace(given.cfg.cluster, kubelet=kubelet or {}),
        node=replace(given.cfg.node, server=server),
    )
    return replace(given, cfg=cfg, facts=GUEST_HOST if mode == "host" else NODE)


def effects_of(node: NodeInputs) -> dict[str, list[Any]]:
    return {step.id: list(step.effects) for step in approving_steps(node).steps}


def verifies(cfg: ClusterConfig) -> bool:
    flags = {arg.name: arg.value for arg in stored(cfg, NODE).cluster.api_server.extra_args}
    return flags.get("kubelet-certificate-authority") == "/etc/kubernetes/pki/ca.crt"


@pytest.mark.parametrize(
    ("kubelet", "own", "asked", "verified"),
    [
        ({}, {}, True, True),
        ({}, {"verify_kubelets": True}, True, True),
        ({}, {"verify_kubelets": False}, None, False),
        ({}, {"hardening": False}, None, False),
        ({"serverTLSBootstrap": False}, {}, False, False),
        ({"serverTLSBootstrap": True}, {"verify_kubelets": False}, True, False),
        ({"serverTLSBootstrap": True}, {"hardening": False}, True, False),
        ({"tlsCertFile": "/x.crt", "tlsPrivateKeyFile": "/x.key"}, {}, None, False),
    ],
)
def test_nobody_is_verified_who_does_not_ask(
    kubelet: dict[str, Any], own: dict[str, Any], asked: bool | None, verified: bool
) -> None:
    node = inputs(kubelet=kubelet, **own)

    assert cluster_configuration(node.cfg).get("serverTLSBootstrap") is asked
    assert verifies(node.cfg) is verified
    assert (UNIT in effects_of(node), RIGHTS in effects_of(node)) == (True, bool(asked))
    assert [step.waits for step in signed_step(node, "x").steps] == [(SIGNED,)] * verified


def test_a_control_plane_approves_from_its_first_minute_on() -> None:
    found = effects_of(inputs())

    assert [type(effect) for effect in found[RIGHTS]] == [Apply, Apply]
    assert found[CERTIFICATE] == [ServingApproved(SIGNED)]
    file, running = found[UNIT]
    assert isinstance(file, File) and b"ExecStart=/usr/bin/bootstrap certs approve --follow\n" in file.content
    assert running == UnitRunning(APPROVER, (file.path,), enabled=False)


def test_on_a_host_another_program_is_another_unit() -> None:
    program, file, running = effects_of(inputs("host"))[UNIT]

    assert program == ProgramInstalled(names.HOST_PROGRAM)
    assert isinstance(file, File) and b"RootDirectory=/opt/bootstrap/program\n" in file.content
    assert running == UnitRunning(APPROVER, (file.path, "/opt/bootstrap/program/stamp"), enabled=True)


def test_who_joins_finds_the_rights_there() -> None:
    assert RIGHTS not in effects_of(inputs(server="192.0.2.1:6443"))


def test_who_waits_for_the_api_alone_waits_for_no_certificate() -> None:
    node = replace(inputs(), wait="api")

    assert CERTIFICATE not in effects_of(node)
    assert not signed_step(node, "x").steps


def test_a_kubelet_that_is_told_otherwise_is_not_waited_for() -> None:
    patch = {"kubeletconfiguration.yaml": b"serverTLSBootstrap: false"}
    assert CERTIFICATE not in effects_of(replace(inputs(), patches=patch))
    assert not signed_step(replace(inputs(), patches=patch), "x").steps

    elsewhere, given = (Arg("cert-dir", "/srv/pki"),), inputs()
    cfg = replace(given.cfg, node=replace(given.cfg.node, kubelet_extra_args=elsewhere))
    (approved,) = effects_of(replace(given, cfg=cfg))[CERTIFICATE]
    assert approved.until.path == "/srv/pki/kubelet-server-current.pem"


def test_where_nobody_asks_any_more_it_stops() -> None:
    assert effects_of(inputs(verify_kubelets=False)) == {
        UNIT: [UnitStopped(APPROVER), FileGone(f"/etc/systemd/system/{APPROVER}")]
    }
