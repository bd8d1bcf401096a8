"""The steps of add-ons from manifests that others wrote, the Pod network first, each after the one before it."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.model import names
from bootstrap.model.addon import NO_CNI, Addon
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.conditions import Condition, Served, WorkloadReady
from bootstrap.model.effects import Apply, Directory, Effect, File, FileGone, ObjectGone
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Step
from bootstrap.phases.images import OTHERS
from bootstrap.phases.images import TIMEOUT as IMAGES_TIMEOUT
from bootstrap.phases.parts import Part
from bootstrap.render.addons.foreign import FOLDER, addon_images, kept, kept_path, objects_of
from bootstrap.render.addons.manifest import Waves, waves
from bootstrap.render.cluster.objects import Object
from bootstrap.render.images.required import to_bring_in

_WORKLOAD_TIMEOUT = 600.0
"""Seconds for each workload: its images may come from a slow registry."""
REMOVAL_TIMEOUT = 180.0
"""Seconds for each object to go: a Namespace waits for its Pods, a custom resource for its operator."""
_PARTS = ("", "/images", "/definitions", "/objects", "/resources", "/wait")
_RUNNABLE = ("node-ready", "addon/kube-proxy/wait", "addon/coredns", "wait-control-plane/scheduler")
"""Before these, Pods that are not part of the Pod network cannot run."""


def workload_timeout(cfg: ClusterConfig) -> float:
    """Seconds until Pods run: some waits begin with the API's first answer, and on a slow machine all takes longer."""
    return _WORKLOAD_TIMEOUT + cfg.run.timeouts.control_plane_component_health_check


def addon_steps(
    cfg: ClusterConfig, facts: HostFacts, addons: tuple[Addon, ...], wait: str, bundled: bool = False
) -> Part:
    """`bundled`: all images come with a bundle. Raises BootstrapError (exit 3) when a manifest cannot be used."""
    steps: list[Step] = []
    before: tuple[str, ...] = ("wait-control-plane/apiserver",)
    for addon in addons:
        made = _addon(cfg, facts, addon, before, wait, bundled)
        steps += made
        before = (applied(addon),)
    steps = [replace(step, instead=_way_back(step, addons)) for step in steps]
    owned = (f"{applied(addon)}{part}" for addon in addons for part in _PARTS)
    return Part(tuple(owned), tuple(steps))


def _way_back(step: Step, addons: tuple[Addon, ...]) -> str:
    """A cluster can do without any of them but its Pod network."""
    addon = next(addon for addon in addons if step.id == applied(addon) or step.id.startswith(f"{applied(addon)}/"))
    return "" if addon.cni else f"take it back: bootstrap addon remove {addon.name}"


def removal(addon: Addon, cfg: ClusterConfig, facts: HostFacts, state: bytes, *, known: bool) -> Step:
    """Its objects go, what depends on others first; then it is forgotten. `state` is the configuration without it.

    Without its manifest (`known`) it is only forgotten.
    """
    found = waves(objects_of(addon, cfg, facts)) if known else Waves((), (), ())
    bodies = (*found.custom, *reversed(found.ordinary), *found.definitions)
    effects: tuple[Effect, ...] = (
        *(ObjectGone(body, discover=True) for body in bodies),
        FileGone(kept_path(addon.name)),
        File(names.STATE_CONFIG, state, mode=0o600),
    )
    return Step(f"{applied(addon)}/removed", "Add-ons", effects, timeout=REMOVAL_TIMEOUT)


def applied(addon: Addon) -> str:
    """The step after which all objects of an add-on are there, but not yet its Pods."""
    return f"addon/{addon.name}"


def _addon(
    cfg: ClusterConfig, facts: HostFacts, addon: Addon, before: tuple[str, ...], wait: str, bundled: bool
) -> list[Step]:
    pulls = () if bundled else to_bring_in(cfg, addon_images(addon, cfg, facts))
    found, step = waves(objects_of(addon, cfg, facts, bundled or bool(pulls))), applied(addon)
    steps = [Step(f"{step}/images", "Add-ons", pulls, after=("runtime",), timeout=IMAGES_TIMEOUT)] if pulls else []
    served = tuple(Served(body["metadata"]["name"]) for body in found.definitions)
    if served:
        steps.append(_applied(cfg, f"{step}/definitions", found.definitions, before, waits=served))
    after = (*before, f"{step}/definitions", f"{step}/images", OTHERS)
    steps.append(_applied(cfg, f"{step}/objects", found.ordinary, after))
    if found.custom:
        after = (f"{step}/objects",)
        steps.append(_applied(cfg, f"{step}/resources", found.custom, after))
    done = (f"{step}/objects", f"{step}/resources")
    steps.append(Step(step, "Add-ons", (Directory(FOLDER, 0o700), kept(addon)), after=done))
    ready = _ready(found, cfg, facts)
    if wait == "dns" and cfg.own.cni != NO_CNI and ready:
        steps.append(
            Step(f"{step}/wait", "Add-ons", waits=ready, after=(step, *_RUNNABLE), timeout=workload_timeout(cfg))
        )
    return steps


def _applied(
    cfg: ClusterConfig,
    step: str,
    bodies: tuple[Object, ...],
    after: tuple[str, ...],
    waits: tuple[Condition, ...] = (),
) -> Step:
    """Each as long as Pods may take: a webhook of this add-on, or of one before it, may have to start first."""
    effects = tuple(Apply(body, discover=True) for body in bodies)
    return Step(step, "Add-ons", effects, waits, after, workload_timeout(cfg))


def _ready(found: Waves, cfg: ClusterConfig, facts: HostFacts) -> tuple[WorkloadReady, ...]:
    return tuple(
        WorkloadReady(
            body["kind"],
            body["metadata"].get("namespace", "default"),
            body["metadata"]["name"],
            facts.booted,
            may_be_empty=True,
            node=cfg.node.name,
        )
        for body in found.workloads
    )
