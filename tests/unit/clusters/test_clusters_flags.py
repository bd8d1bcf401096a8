"""The flags of `cluster create` become a shape."""

from __future__ import annotations

import pytest

from bootstrap.clusters.flags import Given, shaped
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, ClusterShape, Mount, NodeShape, PublishedPort
from bootstrap.model.errors import BootstrapError, Exit

TWO = ClusterShape(nodes=(NodeShape(), NodeShape(WORKER, labels={"a": "b"})))


def roles(shape: ClusterShape) -> list[str]:
    return [node.role for node in shape.nodes]


def test_without_flags_it_stays_as_it_is() -> None:
    assert shaped(TWO, Given()) == TWO


def test_words_of_the_whole_cluster() -> None:
    shape = shaped(ClusterShape(load_balancer="metallb"), Given(storage="none", load_balancer="none", network="shared"))

    assert (shape.storage, shape.load_balancer, shape.network) == ("none", "none", "shared")


def test_numbers_of_nodes() -> None:
    assert roles(shaped(ClusterShape(), Given(control_planes=3, workers=2))) == [CONTROL_PLANE] * 3 + [WORKER] * 2
    assert roles(shaped(ClusterShape(), Given(workers=1))) == [CONTROL_PLANE, WORKER]


def test_nodes_of_a_file_keep_what_it_says_of_them() -> None:
    shape = shaped(TWO, Given(workers=2))

    assert [node.labels for node in shape.of_role(WORKER)] == [{"a": "b"}, {}]
    assert roles(shaped(TWO, Given(workers=0))) == [CONTROL_PLANE]


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("30080", PublishedPort(30080)),
        ("8080:30080", PublishedPort(30080, 8080)),
        ("127.0.0.1:8080:30080/tcp", PublishedPort(30080, 8080, "127.0.0.1")),
        ("127.0.0.1::53/udp", PublishedPort(53, 0, "127.0.0.1", "udp")),
        ("[::1]:8080:80", PublishedPort(80, 8080, "::1")),
    ],
)
def test_ports_are_written_as_docker_has_them(text: str, port: PublishedPort) -> None:
    shape = shaped(TWO, Given(publish=[text]))

    assert [node.ports for node in shape.nodes] == [(port,), ()]


def test_a_port_of_a_named_node() -> None:
    for node in ("worker", "bootstrap-worker"):
        assert [n.ports for n in shaped(TWO, Given(publish=[f"80@{node}"])).nodes] == [(), (PublishedPort(80),)]


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/a:/b", Mount("/a", "/b")),
        ("/a:/b:ro", Mount("/a", "/b", read_only=True)),
        ("/a:/b:ro,rslave", Mount("/a", "/b", read_only=True, propagation="rslave")),
    ],
)
def test_a_folder_is_in_every_node(text: str, mount: Mount) -> None:
    assert [node.mounts for node in shaped(TWO, Given(mounts=[text])).nodes] == [(mount,), (mount,)]


@pytest.mark.parametrize(
    "given",
    [
        *(Given(publish=[text]) for text in ("", "x", "0:80", "70000", "80:", "80/icmp", "1.2.3.4:80", "80@nobody")),
        *(Given(mounts=[text]) for text in ("", "/a", "a:/b", "./a:/b", "/a:/b:rx", "/a:/b@nobody", "/a:b")),
    ],
)
def test_what_cannot_be_read_is_one_error(given: Given) -> None:
    with pytest.raises(BootstrapError, match="cannot be read") as error:
        shaped(TWO, given)

    assert error.value.code == Exit.USAGE
    assert error.value.fix
