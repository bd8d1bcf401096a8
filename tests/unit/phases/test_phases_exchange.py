"""Another configuration of a cluster that runs: what is waited for afterwards is what was started with it."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.model import names
from bootstrap.model.effects import File, StaticPodsReplaced
from bootstrap.phases.exchange import EXCHANGED, exchanged
from bootstrap.render.controlplane.static_pods import manifest_path
from tests.golden.rendered import GUEST_HOST, NOW, FixedKeySource, manifests
from tests.plans import new_inputs, planned

CFG = resolve(Documents(), Overrides(), GUEST_HOST)
INIT = planned(new_inputs(CFG, GUEST_HOST, FixedKeySource(), NOW, manifests()))
FOUND = exchanged(INIT, CFG.node.cri_socket)
STEPS = {step.id: step for step in FOUND.steps}
MANIFESTS = {manifest_path(name) for name in ("etcd", *names.CONTROL_PLANE)}


def before(name: str) -> set[str]:
    own = STEPS[name].after
    return {*own, *(earlier for each in own for earlier in before(each))}


def test_static_pods_are_exchanged_together_and_nowhere_else() -> None:
    (effect,) = STEPS[EXCHANGED].effects

    assert isinstance(effect, StaticPodsReplaced)
    assert {pod.path for pod in effect.pods} == MANIFESTS
    assert not {e.path for step in FOUND.steps for e in step.effects if isinstance(e, File)} & MANIFESTS


def test_their_files_are_there_first_and_every_wait_comes_after() -> None:
    waits = [step.id for step in INIT.steps if step.id.startswith("wait-control-plane/")]

    assert {"control-plane/apiserver", "kubelet-start/config", "certs/apiserver"} <= before(EXCHANGED)
    assert [name for name in ("kubelet-start", *waits) if EXCHANGED not in before(name)] == []


def test_nothing_of_the_plan_is_lost() -> None:
    assert STEPS.keys() - {EXCHANGED} == {step.id for step in INIT.steps}
