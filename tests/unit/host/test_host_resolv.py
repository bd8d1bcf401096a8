"""Name servers for Pods."""

from __future__ import annotations

import pytest

from bootstrap.host.facts.resolv_conf import for_pods, resolver
from bootstrap.model.facts import Resolver
from tests.memory import MemoryHost

OTHERWISE = ("172.18.0.1", "172.18.0.2")


def test_servers_that_pods_reach_are_left_alone() -> None:
    assert for_pods("nameserver 10.0.0.2\nnameserver 169.254.169.254\nnameserver fd00::1\n", OTHERWISE) == ""


@pytest.mark.parametrize(
    "useless", ["127.0.0.1", "127.0.0.53", "::1", "0.0.0.0", "fe80::1", "fe80::1%eth0", "fd00::1%eth0", "ns.example"]
)
def test_a_server_that_no_pod_reaches_is_left_out_and_the_others_stay(useless: str) -> None:
    text = f"nameserver {useless}\nnameserver 192.0.2.53\nsearch a.example\noptions ndots:2\n"

    assert for_pods(text, OTHERWISE) == "nameserver 192.0.2.53\nsearch a.example\noptions ndots:2\n"


def test_the_servers_behind_dockers_resolver_are_used() -> None:
    text = "nameserver 127.0.0.11\nsearch a.example\n# ExtServers: [10.0.0.2 host(127.0.0.53) fe80::1%eth0]\n"
    assert for_pods(text, OTHERWISE) == "nameserver 10.0.0.2\nsearch a.example\n"


def test_without_any_it_is_the_gateway() -> None:
    assert for_pods("nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.53)]\n", OTHERWISE) == (
        "nameserver 172.18.0.1\n"
    )


@pytest.mark.parametrize("text", ["nameserver 127.0.0.11\n", "", "options ndots:2\n"])
def test_without_a_gateway_it_is_the_node_itself(text: str) -> None:
    """CoreDNS does not start without any server; where nobody listens it is told so at once."""
    assert for_pods(text, ("fe80::1", "192.0.2.10")).startswith("nameserver 192.0.2.10\n")
    assert for_pods(text, ()) == ""


def test_why_there_is_no_file() -> None:
    host = MemoryHost()
    host.mkdir("/etc", 0o755)

    assert resolver(host, "/etc/resolv.conf") == Resolver("/etc/resolv.conf", (), "does not exist")

    host.symlink("../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf")
    assert resolver(host, "/etc/resolv.conf").problem == (
        "is a link to ../run/systemd/resolve/stub-resolv.conf, which does not exist"
    )
