"""The kernel's release, options and modules, as far as preflight asks for them."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

from bootstrap.host.facts.procfs import lines
from bootstrap.host.port import HostReader
from bootstrap.model.facts import Kernel
from bootstrap.preflight.kernel import MODULES, OPTIONS

OWN_CONFIG = Path("/proc/config.gz")
CONFIG_FILES = (
    "/boot/config-{}",
    "/usr/src/linux-{}/.config",
    "/usr/src/linux/.config",
    "/usr/lib/modules/{}/config",
    "/usr/lib/ostree-boot/config-{}",
    "/usr/lib/kernel/config-{}",
    "/usr/src/linux-headers-{}/.config",
    "/lib/modules/{}/build/.config",
)
"""Where system-validators v1.12.1 looks after /proc/config.gz. Unlike it, we load no module to look further."""


def kernel(host: HostReader, mode: str) -> Kernel:
    """Modules on a host only: a node container cannot load any."""
    release = os.uname().release
    config = _config(host, release)
    return Kernel(release, _modules(host, release, config or {}) if mode == "host" else {}, config)


def _config(host: HostReader, release: str) -> dict[str, str] | None:
    try:
        text: bytes | None = gzip.decompress(OWN_CONFIG.read_bytes())
    except OSError:
        found = (host.read(path.format(release)) for path in CONFIG_FILES)
        text = next((content for content in found if content is not None), None)
    return None if text is None else parse_config(text.decode(errors="replace"))


def parse_config(text: str) -> dict[str, str]:
    """Option (without `CONFIG_`) → `y` or `m`, of those that preflight looks at."""
    return {name: value for name, value in re.findall(r"(?m)^CONFIG_(\w+)=([ym])$", text) if name in OPTIONS}


def _modules(host: HostReader, release: str, config: dict[str, str]) -> dict[str, str]:
    loaded = {line.split()[0] for line in lines("/proc/modules")}
    built_in = module_names(host.read(f"/lib/modules/{release}/modules.builtin"))
    loadable = module_names(host.read(f"/lib/modules/{release}/modules.dep"))
    states = {}
    for module in MODULES:
        if module.name in loaded:
            states[module.name] = "loaded"
        elif module.name in built_in or config.get(module.option) == "y":
            states[module.name] = "built in"
        else:
            states[module.name] = "loadable" if module.name in loadable else "missing"
    return states


def module_names(content: bytes | None) -> set[str]:
    """Names of modules in modules.builtin or modules.dep: `kernel/fs/overlayfs/overlay.ko.xz: …`."""
    files = (line.partition(":")[0] for line in (content or b"").decode(errors="replace").splitlines())
    return {file.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for file in files}
