"""Whether a thing on the host differs from what an effect wants, and how; reads only."""

from __future__ import annotations

from bootstrap.host.images.seed import seed_images
from bootstrap.host.port import HostReader
from bootstrap.model.effects import Directory, File, ImagesImported, Install, KernelModule, Link, Sysctl, UnitRunning


def file_differs(host: HostReader, effect: File) -> str:
    """Why a file needs writing: `missing`, `content`, `mode`, or empty when it is right already."""
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if not effect.once and host.read(effect.path) != effect.content:
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def directory_differs(host: HostReader, effect: Directory) -> str:
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    return "" if stat.mode == effect.mode else "mode"


def unit_differs(host: HostReader, effect: UnitRunning) -> str:
    """`stopped`, `disabled`, `older than FILE` (it runs with content that was replaced since), or empty."""
    state = host.unit(effect.name)
    if not state.active:
        return "stopped"
    if effect.enabled and not state.enabled:
        return "disabled"
    for path in effect.uses:
        stat = host.stat(path)
        if stat and stat.mtime > state.started:
            return f"older than {path}"
    return ""


def install_differs(host: HostReader, effect: Install, wanted: str) -> str:
    """`wanted` is the sha256 of the source."""
    stat = host.stat(effect.path)
    if stat is None:
        return "missing"
    if host.digest(effect.path) != wanted:
        return "content"
    return "" if stat.mode == effect.mode else "mode"


def link_differs(host: HostReader, effect: Link) -> str:
    target = host.readlink(effect.path)
    if target == effect.target or (effect.keep and (target is not None or host.stat(effect.path))):
        return ""
    return "missing" if target is None else "target"


def module_differs(host: HostReader, effect: KernelModule) -> str:
    return "" if host.stat(effect.sign) else "not loaded"


def sysctl_differs(host: HostReader, effect: Sysctl) -> str:
    value = (host.read(effect.path) or b"").decode().strip()
    return "" if value == effect.value else f"is {value or 'missing'}"


def images_missing(host: HostReader, effect: ImagesImported) -> list[str]:
    """Names that the runtime does not have, or has for other images."""
    there = host.images(effect.socket) or {}
    return [name for name, identifier in seed_images().items() if there.get(name) != identifier]
