"""Add-ons by what the user named: their manifests are had before anything is written; and what is applied here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.config import read_stored
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.addon import (
    BUILT_IN_CNI,
    LOCAL_PATH,
    Addon,
    AddonSource,
    Recipe,
    is_foreign_cni,
    parse_source,
    proven,
)
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.addons.foreign import addon_images, kept_path
from bootstrap.render.addons.recipes import recipe_of, recipes
from bootstrap.render.addons.unseen import unseen
from bootstrap.render.images import required
from bootstrap.workflows.addons.files import joined, read_files


def read_addons(host: HostReader, cfg: ClusterConfig, manifests: Mapping[str, str]) -> tuple[Addon, ...]:
    """The Pod network first. Raises BootstrapError: exit 3 (no such recipe or file), 9 (a URL is refused)."""
    own = cfg.own
    network = (source_of(host, own.cni, manifests, cni=True),) if is_foreign_cni(own.cni) else ()
    return (*network, *(source_of(host, text, manifests, cni=False) for text in own.addons))


def needed_images(
    host: HostReader, cfg: ClusterConfig, manifests: Mapping[str, str]
) -> tuple[required.RequiredImage, ...]:
    """The images of all add-ons from manifests. Raises BootstrapError: exit 3 or 9."""
    return tuple(
        required.RequiredImage(addon.name, image, image)
        for addon in read_addons(host, cfg, manifests)
        for image in addon_images(addon, cfg, ANY_HOST)
    )


def unseen_images(host: HostReader, cfg: ClusterConfig, manifests: Mapping[str, str]) -> tuple[str, ...]:
    """What `needed_images` cannot know, in words. Raises BootstrapError: exit 3 or 9."""
    return unseen(read_addons(host, cfg, manifests), cfg, ANY_HOST)


def source_of(host: HostReader, text: str, manifests: Mapping[str, str], *, cni: bool) -> Addon:
    source = parse_source(text)
    recipe = recipe_for(manifests, source)
    if recipe and recipe.cni != cni:
        wanted, given = ("--cni", "--addon") if recipe.cni else ("--addon", "--cni")
        raise BootstrapError(
            f"{source.name} is for {wanted}, not for {given}", code=Exit.CONFIG, fix=f"give it as {wanted} {text}"
        )
    if source.paths:
        parts = read_files(host, source)
        content = proven(source.place, joined(parts), source.sha256) if source.sha256 else joined(parts)
        return Addon(source.name, source.place, content, recipe, cni, source.namespace, parts if len(parts) > 1 else ())
    url = source.place or (recipe.url if recipe else "")
    digest = source.sha256 or (recipe.sha256 if recipe and recipe.url == url else "")
    before = host.read(kept_path(source.name))
    if before is not None and digest == hashlib.sha256(before).hexdigest():
        return Addon(source.name, url, before, recipe, cni, source.namespace)
    from bootstrap.host.registry.download import fetch  # the HTTP client costs a start 0.1 s

    return Addon(source.name, url, fetch(url, digest), recipe, cni, source.namespace)


def recipe_for(manifests: Mapping[str, str], source: AddonSource) -> Recipe | None:
    """What a name alone means has to be known; one that was given to a file or a URL need not be."""
    if not source.place:
        return recipe_of(manifests, source.name)
    found = recipes(manifests).get(source.name) if source.recipe else None
    return found if found and not found.gone else None


@dataclass(frozen=True)
class Listed:
    """One add-on of the cluster on this node; `source` is empty for our own."""

    name: str
    version: str
    source: str
    sha256: str
    applied: bool


def applied_here(host: HostReader, manifests: Mapping[str, str]) -> tuple[Listed, ...]:
    """What the configuration of this node's cluster names, and whether it was applied; nothing without a cluster."""
    stored = host.read(names.STATE_CONFIG)
    if stored is None:
        return ()
    cfg = read_stored(stored)
    own = [("kube-proxy", required.kubernetes(cfg, "kube-proxy"))] if not cfg.cluster.proxy_disabled else []
    own += [("coredns", required.coredns(cfg))] if not cfg.cluster.dns_disabled else []
    own += [(BUILT_IN_CNI, required.flannel(cfg))] if cfg.own.cni == BUILT_IN_CNI else []
    own += [("storage", required.local_path_provisioner(cfg))] if cfg.own.storage == LOCAL_PATH else []
    own += [("load-balancer", required.metallb(cfg, "speaker"))] if cfg.own.load_balancer_addresses else []
    texts = ((cfg.own.cni,) if is_foreign_cni(cfg.own.cni) else ()) + cfg.own.addons
    return (
        *(Listed(name, image.rpartition(":")[2], "", "", applied=True) for name, image in own),
        *(_listed(host, parse_source(text), manifests) for text in texts),
    )


def _listed(host: HostReader, source: AddonSource, manifests: Mapping[str, str]) -> Listed:
    content = host.read(kept_path(source.name))
    recipe = recipe_for(manifests, source)
    place = source.place or (recipe.url if recipe else "")
    version = recipe.version if recipe and place == recipe.url else ""
    digest = hashlib.sha256(content).hexdigest() if content is not None else ""
    return Listed(source.name, version, place, digest, applied=content is not None)
