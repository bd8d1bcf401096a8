"""The registries of this suite; it needs root on Debian once, for the package, or docker-registry on the PATH."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.faults import FaultyProxy
from tests.registry.servers import HTPASSWD, Authority, RegistryServer, TokenServer

SCRIPT = Path(__file__).parents[2] / "scripts" / "debian.sh"


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    subprocess.run([SCRIPT, "docker-registry"], check=True)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy and no login of the machine's."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker-config"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="session")
def upstream(folder: Path) -> Iterator[RegistryServer]:
    """Stands in for registry.k8s.io and the like: names as upstream has them."""
    server = RegistryServer(folder / "upstream")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mirror(folder: Path) -> Iterator[RegistryServer]:
    """A mirror, flat or with a prefix: what is in it is up to the test."""
    server = RegistryServer(folder / "mirror")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def tls(folder: Path, authority: Authority) -> Iterator[RegistryServer]:
    server = RegistryServer(folder / "tls", tls=authority.issue("tls"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def basic(folder: Path) -> Iterator[RegistryServer]:
    """Wants USER and PASSWORD."""
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    server = RegistryServer(folder / "basic", auth=auth)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def token_server(folder: Path) -> Iterator[TokenServer]:
    (folder / "token").mkdir()
    server = TokenServer(folder / "token")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bearer(folder: Path, token_server: TokenServer) -> Iterator[RegistryServer]:
    """Wants a token."""
    server = RegistryServer(folder / "bearer", auth=token_server.auth)
    yield server
    server.stop()


@pytest.fixture
def proxy(upstream: RegistryServer) -> Iterator[FaultyProxy]:
    """In front of the upstream stand-in."""
    faulty = FaultyProxy(upstream)
    yield faulty
    faulty.stop()
