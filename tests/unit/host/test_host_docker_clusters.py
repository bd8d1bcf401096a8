"""What a Docker engine is asked for clusters: networks with a range that fits, files that nothing shows."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests

from bootstrap.host.docker.commands import Ran, run
from bootstrap.host.docker.containers import Containers, PortTaken
from bootstrap.host.docker.engine import asked, remote_host
from bootstrap.host.docker.files import packed, read_file, read_folder
from bootstrap.host.docker.networks import Networks
from bootstrap.model.cluster_shape import WORKER
from bootstrap.model.containers import CLUSTER_LABEL, RUN_LABEL, Container
from bootstrap.model.errors import BootstrapError, Exit


class Engine:
    """Proposes these ranges, one after the other; what it then refuses is `taken`."""

    def __init__(
        self,
        *subnets: str,
        there: tuple[str, ...] = (),
        taken: tuple[str, ...] = (),
        words: str = "Pool overlaps with other one on this address space",
    ) -> None:
        self._subnets, self._taken, self._words = iter(subnets), taken, words
        self.there: dict[str, Any] = dict.fromkeys(there)
        self.networks = SimpleNamespace(list=self._list, create=self._create)

    def _list(self, names: list[str] | None = None, filters: Any = None) -> list[Any]:
        return [name for name in self.there if names and names[0] == f"^{name}$"]

    def _create(self, name: str, **more: Any) -> Any:
        subnet = more["ipam"]["Config"][0]["Subnet"] if "ipam" in more else next(self._subnets)
        if "ipam" in more and subnet in self._taken:
            raise docker.errors.APIError(self._words)
        self.there[name] = more
        return SimpleNamespace(
            name=name,
            attrs={"IPAM": {"Config": [{"Subnet": subnet}]}},
            reload=lambda: None,
            remove=lambda: self.there.pop(name),
        )


def test_a_network_has_the_first_range_that_the_engine_proposes_and_nobody_needs() -> None:
    engine = Engine("172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/16")
    made = Networks(engine).make("dev", "run-1", ("172.18.0.0/15", "10.96.0.0/12"))

    assert (made.subnet, made.dynamic) == ("172.20.0.0/16", "172.20.128.0/17")
    assert list(engine.there) == ["dev"], "what was only proposed is gone"
    assert engine.there["dev"]["labels"] == {CLUSTER_LABEL: "dev", RUN_LABEL: "run-1"}
    config = engine.there["dev"]["ipam"]["Config"][0]
    assert (config["Subnet"], config["Gateway"], config["IPRange"]) == (
        *("172.20.0.0/16", "172.20.0.1"),
        "172.20.128.0/17",
    )


def test_a_network_of_both_families_has_a_range_of_its_own_for_ipv6() -> None:
    engine = Engine("172.18.0.0/16")
    made = Networks(engine).make("dev", "run-1", (), dual=True)
    config = engine.there["dev"]["ipam"]["Config"][1]

    assert engine.there["dev"]["enable_ipv6"] is True
    assert (config["Subnet"], config["Gateway"]) == (made.subnet6, made.subnet6.replace("/64", "1"))
    assert config["IPRange"] == made.subnet6.replace("/64", "8000/113")


def test_a_range_that_another_cluster_took_meanwhile_is_given_up() -> None:
    engine = Engine("172.18.0.0/16", "172.19.0.0/16", taken=("172.18.0.0/16",))

    assert Networks(engine).make("dev", "run-1", ()).subnet == "172.19.0.0/16"
    assert list(engine.there) == ["dev"]


def test_another_refusal_of_a_network_is_said_at_once() -> None:
    engine = Engine("172.18.0.0/16", taken=("172.18.0.0/16",), words="plugin not found")
    with pytest.raises(BootstrapError, match="refused a network dev") as error:
        Networks(engine).make("dev", "run-1", ())

    assert (error.value.code, "plugin not found" in error.value.why) == (Exit.EFFECT, True)


def test_without_a_range_that_fits_nothing_is_left() -> None:
    engine = Engine(*["172.18.0.0/16"] * 8)
    with pytest.raises(BootstrapError, match="hold addresses of Pods or Services") as error:
        Networks(engine).make("dev", "run-1", ("172.16.0.0/12",))

    assert (error.value.code, engine.there) == (Exit.PREFLIGHT, {})


def test_a_network_of_that_name_is_somebody_elses() -> None:
    with pytest.raises(BootstrapError, match="there is a Docker network dev already") as error:
        Networks(Engine(there=("dev",))).make("dev", "run-1", ())

    assert error.value.code == Exit.CONFLICT


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]}}, "cannot have fixed addresses"),
        ({"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "fd00::/64"}]}}, "cannot have fixed addresses"),
        ({"Driver": "bridge", "IPAM": {"Config": None}}, "cannot have fixed addresses"),
        ({"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}}, "shares addresses with 10.96.0.0/12"),
    ],
)
def test_a_network_that_cannot_be_used_says_why(found: dict[str, Any], words: str) -> None:
    client = SimpleNamespace(api=SimpleNamespace(inspect_network=lambda name: found))
    with pytest.raises(BootstrapError, match=words) as error:
        Networks(client).given("shared", ("10.96.0.0/12",))

    assert error.value.code == Exit.PREFLIGHT


def test_used_addresses_of_a_network_of_others() -> None:
    containers = {"a": {"IPv4Address": "10.1.0.9/24"}, "b": {"IPv4Address": ""}}
    found = {"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]}, "Containers": containers}
    client = SimpleNamespace(api=SimpleNamespace(inspect_network=lambda name: found))

    assert Networks(client).given("shared", ())[1] == ("10.1.0.9",)


def test_files_are_for_root_alone_and_come_after_their_folders() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed({"/etc/a/b": b"one", "/etc/c": b"two"}))) as archive:
        assert [(m.name, m.isdir(), m.mode) for m in archive] == [
            ("etc", True, 0o755),
            ("etc/a", True, 0o755),
            ("etc/a/b", False, 0o600),
            ("etc/c", False, 0o600),
        ]


def archived(found: bytes | None) -> Any:
    def get_archive(container: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        if found is None:
            raise docker.errors.NotFound("no such file")
        return iter([found]), {}

    return SimpleNamespace(api=SimpleNamespace(get_archive=get_archive))


def test_files_come_out_again() -> None:
    assert read_file(archived(packed({"/admin.conf": b"one"})), "dev", "/etc/admin.conf") == b"one"
    assert read_folder(archived(packed({"/pods/a/0.log": b"x"})), "dev", "/var/log/pods") == {"a/0.log": b"x"}
    assert read_file(archived(None), "dev", "/x") is None
    assert read_folder(archived(None), "dev", "/x") == {}


def starting(error: Exception) -> tuple[Containers, list[str]]:
    removed: list[str] = []

    def start(container: str) -> None:
        raise error

    api = SimpleNamespace(
        create_host_config=lambda **more: more,
        create_endpoint_config=lambda **more: more,
        create_networking_config=lambda networks: networks,
        create_container=lambda *image, **more: {"Id": "c1"},
        put_archive=lambda *archive: None,
        start=start,
        remove_container=lambda container, **more: removed.append(container),
    )
    return Containers(SimpleNamespace(api=api), "sha256:1"), removed


@pytest.mark.parametrize(
    "words", ["Bind for 127.0.0.1:6443 failed: port is already allocated", "address already in use"]
)
def test_a_port_that_is_taken_leaves_no_container(words: str) -> None:
    containers, removed = starting(docker.errors.APIError("500", explanation=words))
    with pytest.raises(PortTaken):
        containers.start_new(Container("dev-worker", WORKER, (), "10.1.0.2"), "dev", "run", "dev")

    assert removed == ["c1"]


def test_the_engines_own_words_are_the_reason() -> None:
    containers, removed = starting(docker.errors.APIError("500", explanation="no such device"))
    with pytest.raises(BootstrapError, match="refused to make dev-worker") as error:
        containers.start_new(Container("dev-worker", WORKER, (), "10.1.0.2"), "dev", "run", "dev")

    assert (error.value.code, error.value.why, removed) == (Exit.EFFECT, "no such device", [])


def test_an_engine_that_goes_away() -> None:
    with pytest.raises(BootstrapError, match="went away during a list"), asked("a list"):
        raise requests.ConnectionError("reset")


@pytest.mark.parametrize(
    ("variable", "host"),
    [
        ("tcp://docker:2376", "docker"),
        ("tcp://192.0.2.7:2375", "192.0.2.7"),
        ("tcp://localhost:2375", ""),
        ("tcp://[::1]:2375", ""),
        ("unix:///run/docker.sock", ""),
    ],
)
def test_where_an_engine_is(variable: str, host: str) -> None:
    assert remote_host({"DOCKER_HOST": variable}) == host
    assert remote_host({}) == ""


@pytest.mark.parametrize("running", [0, 1, 3])
def test_a_command_has_ended_once_the_engine_knows_it(running: int) -> None:
    looks = iter([{"Running": True, "ExitCode": None}] * running + [{"Running": False, "ExitCode": 3}])
    api = SimpleNamespace(
        exec_create=lambda name, argv: {"Id": "x"},
        exec_start=lambda made, demux: (b"out", None),
        exec_inspect=lambda made: next(looks),
    )

    assert run(SimpleNamespace(api=api), "dev-worker", ["true"]) == Ran(3, b"out", b"")


def test_a_container_that_is_gone_has_no_state() -> None:
    def gone(name: str) -> Any:
        raise docker.errors.NotFound("no such container")

    client = SimpleNamespace(api=SimpleNamespace(inspect_container=gone))
    with pytest.raises(BootstrapError, match="refused the state of dev"):
        Containers(client, "image").exit_code("dev")
