"""`certs generate-csr`: keys and requests, written where the user says. They are the user's, and in no journal."""

from __future__ import annotations

from bootstrap.config import Documents, Overrides, load, read_stored, resolve
from bootstrap.engine.effects.files import make_parent
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.requests import requests
from bootstrap.workflows.certs import at_directory


def make(host: Host, mode: str, config: bytes | None, cert_dir: str, kubeconfig_dir: str) -> tuple[File, ...]:
    """Raises BootstrapError: exit 3, 8 (one of the files is there: a key is never replaced)."""
    cfg = at_directory(_configuration(host, mode, config), cert_dir)
    ca = host.read(f"{cfg.cluster.certificates_dir}/ca.crt")
    made = requests(cfg, kubeconfig_dir.rstrip("/"), CryptoKeySource(), ca)
    if there := [file.path for file in made if host.stat(file.path)]:
        raise BootstrapError(
            f"{there[0]} is there already, and nothing was written",
            code=Exit.CONFLICT,
            why="a key that may be in use is not replaced",
            fix="choose other directories: --cert-dir DIR --kubeconfig-dir DIR; or move what is there away",
            details=tuple(there[1:]),
        )
    return made


def write(host: Host, files: tuple[File, ...]) -> None:
    for file in files:
        make_parent(host, file.path)
        host.write(file.path, file.content, file.mode)


def _configuration(host: Host, mode: str, config: bytes | None) -> ClusterConfig:
    stored = host.read(names.STATE_CONFIG) if config is None else None
    if stored is not None and (cfg := read_stored(stored)).node.api is not None:
        return cfg
    return resolve(load(config) if config is not None else Documents(), Overrides(), gather(host, mode))
