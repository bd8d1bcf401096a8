"""What can be said about add-ons before anything is written: errors that end the run, and remarks."""

from __future__ import annotations

from bootstrap.model.addon import Addon
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.render.addons.foreign import objects_of
from bootstrap.render.addons.kinds import BUILT_IN_GROUPS, DEFINITION, group, is_off
from bootstrap.render.addons.manifest import read_manifest
from bootstrap.render.addons.namespaces import ALWAYS_THERE
from bootstrap.render.addons.pod_ranges import wrong_ranges
from bootstrap.render.addons.references import Missing, missing
from bootstrap.render.cluster.objects import Object


def review(addons: tuple[Addon, ...], cfg: ClusterConfig, facts: HostFacts) -> tuple[str, ...]:
    """Remarks, each with the add-on's name. Raises BootstrapError (exit 3)."""
    objects = {addon.name: objects_of(addon, cfg, facts) for addon in addons}
    everything = tuple(body for bodies in objects.values() for body in bodies)
    remarks: list[str] = []
    for addon in addons:
        if addon.cni and (wrong := wrong_ranges(objects[addon.name], cfg)):
            raise _other_range(addon, wrong)
        lost = missing(objects[addon.name], everything)
        if certain := tuple(found for found in lost if found.certain):
            raise _other_namespace(addon, certain)
        said = [*read_manifest(addon.name, addon.files).remarks, *map(str, lost)]
        if off := _off(objects[addon.name], cfg):
            raise _not_served(addon, off)
        said += _nowhere(objects[addon.name], everything)
        said += _undefined(objects[addon.name], everything)
        remarks += [f"{addon.name}: {text}" for text in said]
    return tuple(remarks)


def _nowhere(objects: tuple[Object, ...], everything: tuple[Object, ...]) -> list[str]:
    """Namespaces that nobody makes: who makes one by hand has a minute for it."""
    made = {body["metadata"]["name"] for body in everything if body["kind"] == "Namespace"} | {*ALWAYS_THERE}
    used = {body["metadata"].get("namespace") or ALWAYS_THERE[0] for body in objects}
    return [f"nothing here makes the Namespace {name} that objects are in" for name in sorted(used - made)]


def _off(objects: tuple[Object, ...], cfg: ClusterConfig) -> tuple[str, ...]:
    """Kinds that the API server serves only when it is told to, and is not."""
    told = ",".join(arg.value for arg in cfg.cluster.api_server.extra_args if arg.name == "runtime-config")
    versions = {body["apiVersion"]: body["kind"] for body in objects if is_off(body)}
    return tuple(version for version in versions if version not in told and "api/" not in told)


def _undefined(objects: tuple[Object, ...], everything: tuple[Object, ...]) -> list[str]:
    """Kinds that neither the API server has nor an add-on brings: an operator may still define them."""
    brought = {
        (body.get("spec") or {}).get("group", "") for body in everything if body["kind"] in (DEFINITION, "APIService")
    }
    kinds = {
        f"{body['apiVersion']} {body['kind']}"
        for body in objects
        if group(body) not in BUILT_IN_GROUPS and group(body) not in brought
    }
    return [f"no add-on defines the kind {kind}; it is waited for" for kind in sorted(kinds)]


def _not_served(addon: Addon, off: tuple[str, ...]) -> BootstrapError:
    setting = ",".join(f"{version}=true" for version in off)
    return BootstrapError(
        f"the API server does not serve {', '.join(off)}, which {addon.name} needs",
        code=Exit.CONFIG,
        why="these kinds are off by default",
        fix=f"turn them on: ClusterConfiguration.apiServer.extraArgs: [{{name: runtime-config, value: {setting}}}]",
    )


def _other_range(addon: Addon, wrong: tuple[str, ...]) -> BootstrapError:
    found = wrong[0].split(" has the Pod range ")[1].split(",")[0]
    return BootstrapError(
        f"the Pod network {addon.name} has another range than the cluster",
        code=Exit.CONFIG,
        details=wrong,
        fix=f"give the cluster the network's: --pod-network-cidr {found}; or change the manifest",
    )


def _other_namespace(addon: Addon, lost: tuple[Missing, ...]) -> BootstrapError:
    namespace, place = lost[0].wanted[1], addon.origin
    return BootstrapError(
        f"the manifest of {addon.name} is meant for another namespace than default",
        code=Exit.CONFIG,
        details=tuple(map(str, lost)),
        fix=f"name it: {'--cni' if addon.cni else '--addon'} {addon.name}@{namespace}={place}",
    )
