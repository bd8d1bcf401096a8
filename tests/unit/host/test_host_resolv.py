"""Name servers for Pods."""

from bootstrap.host.facts.resolv_conf import for_pods


def test_a_server_that_pods_reach_is_left_alone() -> None:
    assert for_pods("nameserver 10.0.0.2\nnameserver 127.0.0.1\n", "172.18.0.1") == ""


def test_the_servers_behind_dockers_resolver_are_used() -> None:
    text = "nameserver 127.0.0.11\nsearch a.example\n# ExtServers: [10.0.0.2 host(127.0.0.53)]\n"
    assert for_pods(text, "172.18.0.1") == "nameserver 10.0.0.2\nsearch a.example\n"


def test_without_any_it_is_the_gateway() -> None:
    assert for_pods("nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.53)]\n", "172.18.0.1") == (
        "nameserver 172.18.0.1\n"
    )


def test_without_a_gateway_nothing_is_better() -> None:
    assert for_pods("nameserver 127.0.0.11\n", "") == ""
