"""An add-on that is taken back: its objects go that are still ours, and nothing of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.config import Documents, Overrides, read_stored, resolve, to_stored
from bootstrap.engine.effects import apply_effect
from bootstrap.engine.run_context import RunContext
from bootstrap.model import names
from bootstrap.model.addon import Addon
from bootstrap.model.effects import Apply, Effect, ObjectGone, object_name
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import ObjectLeft
from bootstrap.model.facts import Address, HostFacts
from bootstrap.phases.addons import addon_steps
from bootstrap.render.addons.foreign import kept_path
from bootstrap.workflows.addons import removal
from bootstrap.workflows.addons.removal import plan_removal
from tests.memory import MemoryHost
from tests.memory_api import MemoryApi

FACTS = HostFacts(mode="node", hostname="n", addresses=(Address("eth0", "192.0.2.1", True),))
MANIFESTS = {"recipes.yaml": "{}"}
TOOL = b"""
{apiVersion: v1, kind: Namespace, metadata: {name: tool}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: tool}, data: {a: "1"}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stores.example.org}
spec: {group: example.org, names: {kind: Store, plural: stores}, versions: [{name: v1, served: true}]}
---
{apiVersion: example.org/v1, kind: Store, metadata: {name: main, namespace: tool}}
"""
SERVED = {
    "/api/v1": (("Namespace", "namespaces", False), ("ConfigMap", "configmaps", True)),
    "/apis/apiextensions.k8s.io/v1": (("CustomResourceDefinition", "customresourcedefinitions", False),),
    "/apis/example.org/v1": (("Store", "stores", True),),
}
CLAIMS = "/api/v1/namespaces/tool/persistentvolumeclaims"
STORES = "/apis/example.org/v1/stores"
STRANGER: dict[str, Any] = {"items": [{"metadata": {"name": "data"}}]}


@pytest.fixture(autouse=True)
def _facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "gather", lambda host, mode: FACTS)


def machine(*addons: str, kept: bytes | None = TOOL) -> MemoryHost:
    host, cfg = MemoryHost(), resolve(Documents(), Overrides(addon=addons or ("/m/tool.yaml", "/m/b.yaml")), FACTS)
    host.mkdir(f"{names.STATE_DIR}/addons", 0o700)
    host.write(names.STATE_CONFIG, to_stored(cfg).encode(), 0o600)
    if kept is not None:
        host.write(kept_path("tool"), kept, 0o600)
    return host


def cluster() -> MemoryApi:
    api = MemoryApi()
    api.objects |= {
        path: {"resources": [{"kind": kind, "name": name, "namespaced": inside} for kind, name, inside in kinds]}
        for path, kinds in SERVED.items()
    }
    return api


def run(effects: tuple[Effect, ...], host: MemoryHost, api: MemoryApi) -> tuple[list[str], list[Any]]:
    seen: list[Any] = []
    context = RunContext(host, lambda: api, lambda url: (0, ""), "addon remove", report=seen.append)
    changed = [change for effect in effects if (change := apply_effect(effect, context, 2))]
    context.applied.save(host, context.journal)
    return changed, seen


def installed(host: MemoryHost) -> MemoryApi:
    api, cfg = cluster(), read_stored(host.read(names.STATE_CONFIG) or b"")
    steps = addon_steps(cfg, FACTS, (Addon("tool", "/m/tool.yaml", TOOL),), "api").steps
    run(tuple(effect for step in steps for effect in step.effects if isinstance(effect, Apply)), host, api)
    return api


def test_what_leans_on_others_goes_first_and_the_configuration_forgets_it() -> None:
    host = machine()
    api = installed(host)
    (step,) = plan_removal(host, "node", "tool", MANIFESTS).plan.steps
    changed, seen = run(step.effects, host, api)

    assert changed == [
        "Store tool/main deleted",
        "ConfigMap tool/settings deleted",
        "Namespace tool deleted",
        "CustomResourceDefinition stores.example.org deleted",
        f"{kept_path('tool')} removed",
        f"{names.STATE_CONFIG} written",
    ]
    assert seen == []
    assert read_stored(host.read(names.STATE_CONFIG) or b"").own.addons == ("/m/b.yaml",)
    assert set(api.objects) == set(SERVED)
    assert run(step.effects, host, api) == ([], [])


@pytest.mark.parametrize(
    ("path", "left", "why"),
    [
        (CLAIMS, "Namespace tool", "it holds PersistentVolumeClaim data, which others made"),
        (STORES, "CustomResourceDefinition stores.example.org", "there is Store data, which others made"),
    ],
)
def test_what_others_made_keeps_what_would_take_it_along(path: str, left: str, why: str) -> None:
    host = machine()
    api = installed(host)
    api.objects[path] = STRANGER
    (step,) = plan_removal(host, "node", "tool", MANIFESTS).plan.steps

    changed, seen = run(step.effects, host, api)
    assert seen == [ObjectLeft(left, why)]
    assert f"{left} deleted" not in changed


def test_an_object_that_somebody_else_made_stays() -> None:
    host, api = machine(), cluster()
    path = "/api/v1/namespaces/tool/configmaps/settings"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "tool"}}
    api.create(body, manager="kubectl")
    (step,) = plan_removal(host, "node", "tool", MANIFESTS).plan.steps

    run(step.effects, host, api)
    assert path in api.objects


def test_an_add_on_that_failed_before_it_was_kept_is_read_where_it_came_from() -> None:
    host = machine(kept=None)
    host.mkdir("/m", 0o755)
    host.write("/m/tool.yaml", TOOL, 0o644)

    (step,) = plan_removal(host, "node", "tool", MANIFESTS).plan.steps
    gone = [object_name(effect.body) for effect in step.effects if isinstance(effect, ObjectGone)]
    assert gone[0] == "Store tool/main"


def test_an_add_on_whose_manifest_is_lost_is_forgotten_and_that_is_said() -> None:
    host = machine(kept=None)
    plan = plan_removal(host, "node", "tool", MANIFESTS).plan
    run(plan.steps[0].effects, host, cluster())

    assert "so its objects stay" in plan.remarks[0]
    assert read_stored(host.read(names.STATE_CONFIG) or b"").own.addons == ("/m/b.yaml",)


@pytest.mark.parametrize(
    ("name", "said", "fix"),
    [
        ("other", "there is no add-on called other here", "one of: tool, b"),
        ("coredns", "cannot be taken back|not an add-on that can be taken back", "dns.disabled"),
        ("flannel", "not an add-on that can be taken back", "another network: reset"),
    ],
)
def test_what_cannot_be_taken_back_says_why(name: str, said: str, fix: str) -> None:
    with pytest.raises(BootstrapError, match=said) as refused:
        plan_removal(machine(), "node", name, MANIFESTS)

    assert refused.value.code == Exit.CONFIG
    assert fix in refused.value.fix


def test_without_a_cluster_there_is_nothing_to_take_back() -> None:
    with pytest.raises(BootstrapError) as refused:
        plan_removal(MemoryHost(), "node", "tool", MANIFESTS)

    assert refused.value.code == Exit.CONFLICT


def test_the_steps_of_an_add_on_say_how_it_is_taken_back() -> None:
    cfg = resolve(Documents(), Overrides(), FACTS)
    tool = Addon("tool", "/m/tool.yaml", TOOL)

    assert {step.instead for step in addon_steps(cfg, FACTS, (tool,), "dns").steps} == {
        "take it back: bootstrap addon remove tool"
    }
    assert {step.instead for step in addon_steps(cfg, FACTS, (replace(tool, cni=True),), "dns").steps} == {""}
