"""Another key for Secrets: whoever dies where, every API server reads every Secret at every moment."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest
from tenacity import wait_fixed

from bootstrap.config import Documents, Overrides, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.host.facts.cluster import APISERVER_PODS
from bootstrap.host.port import ApiResponse
from bootstrap.model import names
from bootstrap.model.encryption import KEYED, Encryption
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.controlplane.encryption import configuration
from bootstrap.render.controlplane.key_rotation import METRIC, keyring
from bootstrap.render.controlplane.static_pods import static_pods
from bootstrap.workflows.etcd import rotate_key
from bootstrap.workflows.etcd.rotate_key import KeyRotation, decide, rotate
from tests.memory import MemoryHost

FILE = names.ENCRYPTION_CONFIG
FIRST = configuration(Encryption("secretbox"), b"a" * 32)
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"


class Died(Exception):
    pass


class Cluster:
    """Machines with an API server each, which has read its file when it is asked what it works with.

    A Secret is kept as the name of the key that it is encrypted with, and the version of the object.
    """

    def __init__(self, *addresses: str, content: bytes = FIRST) -> None:
        self.hosts = {f"{address}:6443": machine(address, content) for address in addresses}
        self.active = dict.fromkeys(self.hosts, content)
        self.secrets = {f"s{n}": ["key1", 1] for n in range(5)}
        self.silent: set[str] = set()
        self.asked, self.slow = 0, 1
        """How often an API server is asked until it has read its file again."""
        self.late = set[str]()
        """Who came with an old key when that was not enough any more."""
        self.left = 10**6
        """Changes until the machine that makes them dies."""

    def connect(self, endpoint: str) -> Server:
        return Server(self, endpoint)

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Died

    def check(self) -> None:
        for endpoint in self.active.keys() - self.late:
            keys = {f"key{number}" for number, _ in ring_of(self.active[endpoint])}
            assert {key for key, _ in self.secrets.values()} <= keys, endpoint

    def run(self, endpoint: str, timeout: float = 0) -> int:
        host = self.hosts[endpoint]
        return rotate(host, decide(host, self.connect), self.connect, timeout, lambda line, mark: None)


class Server:
    def __init__(self, cluster: Cluster, endpoint: str) -> None:
        self.cluster, self.endpoint = cluster, endpoint

    def get(self, path: str) -> ApiResponse:
        cluster = self.cluster
        if self.endpoint in cluster.silent:
            raise ConnectionError("refused")
        if path == "/metrics":
            cluster.asked += 1
            if cluster.asked % cluster.slow == 0:
                cluster.active[self.endpoint] = cluster.hosts[self.endpoint].read(FILE) or b""
            cluster.check()
            digest = sha256(cluster.active[self.endpoint]).hexdigest()
            return ApiResponse(
                200, {}, f'x 1\n{METRIC}{{apiserver_id_hash="sha256:{"0" * 64}",hash="sha256:{digest}"}} 1\n'
            )
        if path == APISERVER_PODS:
            return ApiResponse(200, {"items": [pod(where) for where in cluster.hosts]})
        if path == "/api/v1/nodes":
            return ApiResponse(200, {"items": [node(where) for where in cluster.hosts]})
        at = int(path.partition("continue=")[2] or 0)
        items = [
            {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}}
            for name, (_, version) in list(cluster.secrets.items())[at : at + 2]
        ]
        return ApiResponse(200, {"items": items, "metadata": {"continue": str(at + 2) if at < 4 else ""}})

    def merge(self, body: Mapping[str, Any]) -> ApiResponse:
        self.cluster.count()
        secret = self.cluster.secrets[body["metadata"]["name"]]
        if str(secret[1]) != body["metadata"]["resourceVersion"]:
            return ApiResponse(409, {})
        number, _ = ring_of(self.cluster.active[self.endpoint])[0]
        secret[:] = [f"key{number}", int(secret[1]) + 1]
        self.cluster.check()
        return ApiResponse(200, {})

    def delete(self, path: str) -> ApiResponse:
        self.cluster.count()
        assert path.endswith("kube-system/secrets/kubeadm-certs")
        return ApiResponse(404, {})

    def create(self, body: Mapping[str, Any], path: str = "") -> ApiResponse:
        raise AssertionError

    apply = create


class Machine(MemoryHost):
    def __init__(self) -> None:
        super().__init__()
        self.cluster: Cluster | None = None

    def write(self, path: str, content: bytes, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        if self.cluster:
            self.cluster.count()
        super().write(path, content, mode, owner)


def machine(address: str, content: bytes) -> Machine:
    host = Machine()
    given = Overrides(encryption_provider="secretbox", apiserver_advertise_address=address)
    cfg = resolve(Documents(), given, ANY_HOST)
    for path in (MANIFEST, FILE):
        host.mkdir(path.rpartition("/")[0], 0o700)
    for file in static_pods(cfg, ANY_HOST, {}):
        host.write(file.path, file.content, file.mode)
    host.write(FILE, content, 0o600)
    return host


def pod(endpoint: str) -> dict[str, Any]:
    return {"spec": {"nodeName": endpoint}, "metadata": {"annotations": {names.APISERVER_ENDPOINT: endpoint}}}


def node(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {names.CONTROL_PLANE_ROLE: ""}}}


def ring_of(content: bytes) -> tuple[tuple[int, str], ...]:
    found = keyring(content)
    assert found
    return found.keys


ONE, TWO = "192.0.2.1:6443", "192.0.2.2:6443"


@pytest.mark.parametrize("provider", KEYED)
def test_one_control_plane_has_another_key_and_no_old_one(provider: str) -> None:
    first = configuration(Encryption(provider), b"a" * 32)
    cluster = Cluster("192.0.2.1", content=first)

    assert cluster.run(ONE) == 5
    ((number, secret),) = ring_of(cluster.active[ONE])
    assert (number, {key for key, _ in cluster.secrets.values()}) == (2, {"key2"})
    assert secret != ring_of(first)[0][1]
    cluster.run(ONE)
    assert [number for number, _ in ring_of(cluster.active[ONE])] == [3]


@pytest.mark.parametrize("slow", [1, 3])
@pytest.mark.parametrize("left", range(12))
def test_the_same_command_goes_on_wherever_it_died(left: int, slow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate_key, "wait_fixed", lambda seconds: wait_fixed(0))
    cluster = Cluster("192.0.2.1")
    cluster.hosts[ONE].cluster = cluster
    cluster.slow = slow
    cluster.left = left

    with pytest.raises(Died):
        while True:
            cluster.run(ONE)
    cluster.left = 10**6
    cluster.run(ONE)
    numbers = [number for number, _ in ring_of(cluster.active[ONE])]
    assert {key for key, _ in cluster.secrets.values()} == {f"key{numbers[0]}"}
    assert len(numbers) == 1


def test_two_control_planes_go_stage_by_stage() -> None:
    cluster = Cluster("192.0.2.1", "192.0.2.2")

    def refused(endpoint: str) -> str:
        with pytest.raises(BootstrapError) as caught:
            cluster.run(endpoint)
        assert caught.value.code == Exit.WAIT
        return caught.value.fix

    assert f"on {TWO}: copy {FILE}" in refused(ONE)
    assert stages(cluster) == [[1, 2], [1]]
    cluster.hosts[TWO].write(FILE, cluster.hosts[ONE].read(FILE) or b"", 0o600)
    assert f"on {TWO}: bootstrap etcd rotate-encryption-key" in refused(ONE)
    assert stages(cluster) == [[2, 1], [1, 2]]
    assert cluster.run(TWO) == 5
    assert stages(cluster) == [[2, 1], [2]]
    assert cluster.run(ONE) == 5
    assert stages(cluster) == [[2], [2]]
    assert {tuple(secret) for secret in cluster.secrets.values()} == {("key2", 3)}


def stages(cluster: Cluster) -> list[list[int]]:
    return [[number for number, _ in ring_of(host.read(FILE) or b"")] for host in cluster.hosts.values()]


def test_nothing_begins_while_another_has_begun_or_does_not_answer() -> None:
    cluster = Cluster("192.0.2.1", "192.0.2.2")
    with pytest.raises(BootstrapError):
        cluster.run(ONE)
    for silent in (set[str](), {ONE}):
        cluster.silent = silent
        with pytest.raises(BootstrapError) as caught:
            cluster.run(TWO)
        assert (caught.value.code, ONE in caught.value.what) == (Exit.CONFLICT, True)
    assert stages(cluster) == [[1, 2], [1]]


def test_a_control_plane_whose_api_server_does_not_run_is_waited_for() -> None:
    cluster = Cluster("192.0.2.1")
    host, real = cluster.hosts[ONE], Server.get

    class Lacking(Server):
        def get(self, path: str) -> ApiResponse:
            answer = real(self, path)
            items = [*answer.body.get("items", ()), *([node("gone")] if path == "/api/v1/nodes" else [])]
            return ApiResponse(200, {"items": items}, answer.text)

    with pytest.raises(BootstrapError) as caught:
        decide(host, lambda endpoint: Lacking(cluster, endpoint))
    assert (caught.value.code, "gone" in caught.value.what) == (Exit.CONFLICT, True)


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        (FILE, (b"- secrets", b"- secrets\n  - configmaps"), "nothing else"),
        (FILE, (b"key1", b"mine"), "nothing else"),
        (FILE, (b"secretbox", b"rot13"), "nothing else"),
        (FILE, (FIRST, b"{"), "nothing else"),
        (FILE, (FIRST, configuration(Encryption("kms-v2", "unix:///run/kms/s.sock"), b"")), "nothing else"),
        (MANIFEST, (FILE.encode(), b"/etc/mine.yaml"), "a key of ours"),
        (MANIFEST, (b"automatic-reload=true", b"automatic-reload=false"), "a key of ours"),
        (MANIFEST, (b"--encryption", b"--other"), "a key of ours"),
    ],
)
def test_what_is_not_ours_is_left_alone(path: str, change: tuple[bytes, bytes], words: str) -> None:
    cluster = Cluster("192.0.2.1")
    host = cluster.hosts[ONE]
    host.write(path, (host.read(path) or b"").replace(*change), 0o600)
    before = dict(host.entries)

    with pytest.raises(BootstrapError) as caught:
        cluster.run(ONE)
    assert (caught.value.code, words in caught.value.what) == (Exit.CONFLICT, True)
    assert host.entries == before


def test_a_secret_that_is_not_taken_keeps_the_old_key() -> None:
    cluster = Cluster("192.0.2.1")
    real = Server.merge

    class Refusing(Server):
        def merge(self, body: Mapping[str, Any]) -> ApiResponse:
            refused = ApiResponse(422, {"message": "a webhook says no"})
            return refused if body["metadata"]["name"] == "s3" else real(self, body)

    def connect(endpoint: str) -> Refusing:
        return Refusing(cluster, endpoint)

    host = cluster.hosts[ONE]
    with pytest.raises(BootstrapError) as caught:
        rotate(host, decide(host, connect), connect, 0, lambda line, mark: None)
    assert (caught.value.code, caught.value.why) == (Exit.API, "a webhook says no")
    assert stages(cluster) == [[2, 1]]
    assert cluster.run(ONE) == 5


def test_what_is_left_is_said_and_nothing_is_changed() -> None:
    shared, alone = Cluster("192.0.2.1", "192.0.2.2"), Cluster("192.0.2.1")

    def lines(cluster: Cluster) -> list[str]:
        what: KeyRotation = decide(cluster.hosts[ONE], cluster.connect)
        return [line.partition(" ")[0] for line in what.lines]

    assert (lines(alone), lines(shared)) == (["encrypt", "write"], ["add", "encrypt", "write"])
    assert stages(shared) == [[1], [1]]
    with pytest.raises(BootstrapError):
        shared.run(ONE)
    assert lines(shared) == ["encrypt", "write"]


def test_one_that_joined_meanwhile_with_the_old_key_keeps_it_alive() -> None:
    """It wrote with it: after it has the new one, all are written again."""
    cluster = Cluster("192.0.2.1")
    real = Server.merge

    class Joining(Server):
        def merge(self, body: Mapping[str, Any]) -> ApiResponse:
            if TWO not in cluster.hosts:
                cluster.late = {TWO}
                cluster.hosts[TWO] = machine("192.0.2.2", FIRST)
            return real(self, body)

    def connect(endpoint: str) -> Joining:
        return Joining(cluster, endpoint)

    host = cluster.hosts[ONE]
    with pytest.raises(BootstrapError) as caught:
        rotate(host, decide(host, connect), connect, 0, lambda line, mark: None)
    assert (caught.value.code, f"on {TWO}: copy" in caught.value.fix) == (Exit.WAIT, True)
    cluster.secrets["late"] = ["key1", 1]
    cluster.hosts[TWO].write(FILE, host.read(FILE) or b"", 0o600)
    cluster.late = set()
    cluster.active[TWO] = host.read(FILE) or b""
    assert cluster.run(ONE) == cluster.run(TWO) == 6
    assert stages(cluster) == [[2], [2]]


def test_pages_that_are_too_old_are_listed_again() -> None:
    cluster = Cluster("192.0.2.1")
    real, gone = Server.get, [ApiResponse(410, {})]

    class Slow(Server):
        def get(self, path: str) -> ApiResponse:
            return gone.pop() if "continue=4" in path and gone else real(self, path)

    host = cluster.hosts[ONE]

    def connect(endpoint: str) -> Slow:
        return Slow(cluster, endpoint)

    rotate(host, decide(host, connect), connect, 0, lambda line, mark: None)
    assert {key for key, _ in cluster.secrets.values()} == {"key2"}
