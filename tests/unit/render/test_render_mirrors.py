"""Where an image is looked for, and what containerd is told about it."""

from __future__ import annotations

import tomllib

import pytest

from bootstrap.model.images.mirrors import Credentials, Endpoint, MirrorRule, Mirrors, Server
from bootstrap.model.images.reference import parse_reference
from bootstrap.render.images.mirrors import hosts_files, hosts_toml, located, route

FLAT = Endpoint(Server("flat.example:5000", ca_file="/etc/ssl/flat.pem"), "team/k8s", flatten=True)
PLAIN = Endpoint(Server("192.0.2.1:5000", plain_http=True))
PREFIX = Endpoint(Server("harbor.example"), "proxy/k8s")
RENAMED = Endpoint(
    Server("names.example"), "x", rewrites=(("coredns/coredns", "dns"), ("coredns", "other"), ("", "all"))
)
LOGIN = Endpoint(Server("login.example", credentials=Credentials(helper="vault")))
FOLDER = "/etc/containerd/certs.d"
RULE = MirrorRule("registry.k8s.io", (FLAT, PLAIN, PREFIX))


@pytest.mark.parametrize(
    ("endpoint", "repository", "there"),
    [
        (FLAT, "coredns/coredns", "team/k8s/coredns"),
        (FLAT, "pause", "team/k8s/pause"),
        (PREFIX, "coredns/coredns", "proxy/k8s/coredns/coredns"),
        (PLAIN, "coredns/coredns", "coredns/coredns"),
        (RENAMED, "coredns/coredns", "x/dns"),
        (RENAMED, "coredns/coredns/more", "x/dns/more"),
        (RENAMED, "coredns/tool", "x/other/tool"),
        (RENAMED, "corednsx", "x/all/corednsx"),
        (Endpoint(Server("h"), rewrites=(("library", ""),)), "library/nginx", "nginx"),
        (Endpoint(Server("h"), rewrites=(("library", ""),)), "library", "library"),
        (Endpoint(Server("h"), "p", True, (("a", "b/c"),)), "a/d", "p/d"),
    ],
)
def test_a_repository_is_found_on_a_mirror(endpoint: Endpoint, repository: str, there: str) -> None:
    assert located(endpoint, repository) == there


def test_candidates_come_in_order_with_upstream_last() -> None:
    found = route(Mirrors((RULE,)), parse_reference("registry.k8s.io/coredns/coredns:v1.14.6"))

    assert [(c.server.url, c.repository, c.containerd) for c in found.candidates] == [
        ("https://flat.example:5000", "team/k8s/coredns", False),
        ("http://192.0.2.1:5000", "coredns/coredns", True),
        ("https://harbor.example", "proxy/k8s/coredns/coredns", True),
        ("https://registry.k8s.io", "coredns/coredns", True),
    ]
    assert found.candidates[0].why == "mirror 1 of registry.k8s.io: flattened, below team/k8s"
    assert found.closed == ""


def test_containerd_finds_names_of_one_word_on_a_flat_mirror() -> None:
    assert route(Mirrors((RULE,)), parse_reference("registry.k8s.io/pause:3.10.2")).candidates[0].containerd


@pytest.mark.parametrize(
    ("mirrors", "image", "closed"),
    [
        (Mirrors((RULE,), offline=True), "registry.k8s.io/pause:1", "offline is true"),
        (
            Mirrors((MirrorRule("registry.k8s.io", (FLAT,), upstream=False),)),
            "registry.k8s.io/pause:1",
            "upstream: false",
        ),
        (Mirrors(offline=True), "ghcr.io/x/y:1", "offline is true"),
        (Mirrors(), "localhost/bootstrap/etcd:1", "part of the bootstrap image"),
    ],
)
def test_upstream_is_left_out_where_a_rule_forbids_it(mirrors: Mirrors, image: str, closed: str) -> None:
    found = route(mirrors, parse_reference(image))

    assert closed in found.closed
    assert not any(candidate.upstream for candidate in found.candidates)


def test_an_image_that_is_named_after_a_mirror_is_asked_for_there() -> None:
    mirrors = Mirrors((RULE,), offline=True)
    found = route(mirrors, parse_reference("192.0.2.1:5000/team/app:1"))
    files = {f.path: tomllib.loads(f.content.decode()) for f in hosts_files(mirrors, FOLDER)}

    assert [(c.server, c.repository) for c in found.candidates] == [(PLAIN.server, "team/app")]
    assert found.closed == ""
    assert files[f"{FOLDER}/192.0.2.1:5000/hosts.toml"] == {"server": "http://192.0.2.1:5000"}
    assert files[f"{FOLDER}/flat.example:5000/hosts.toml"]["ca"] == "/etc/ssl/flat.pem"


def test_a_mirror_with_a_rule_of_its_own_goes_by_that_rule() -> None:
    mirrors = Mirrors(
        (MirrorRule("registry.k8s.io", (PLAIN,)), MirrorRule("192.0.2.1:5000", (PREFIX,), upstream=False))
    )
    (only,) = route(mirrors, parse_reference("192.0.2.1:5000/app:1")).candidates

    assert only.server == PREFIX.server


def test_docker_hub_is_answered_for_by_its_server() -> None:
    (only,) = route(Mirrors(), parse_reference("busybox")).candidates

    assert (only.server.host, only.repository) == ("registry-1.docker.io", "library/busybox")


def test_hosts_toml_says_what_it_can_and_names_what_it_cannot() -> None:
    assert (
        hosts_toml(MirrorRule("registry.k8s.io", (FLAT, PLAIN, LOGIN)), Mirrors())
        == """\
# Where containerd gets the images of registry.k8s.io.
server = "https://registry.k8s.io"

# cannot say flattening: only names of one word are found there by containerd itself
[host."https://flat.example:5000/v2/team/k8s"]
capabilities = ["pull", "resolve"]
override_path = true
ca = "/etc/ssl/flat.pem"

[host."http://192.0.2.1:5000"]
capabilities = ["pull", "resolve"]

# cannot say credentials: the kubelet's own pulls need a pull secret or a credential provider
[host."https://login.example"]
capabilities = ["pull", "resolve"]
"""
    )


def test_a_registry_that_must_not_be_asked_can_only_be_pushed_to() -> None:
    parsed = tomllib.loads(hosts_toml(MirrorRule("docker.io", (PLAIN,), upstream=False), Mirrors()))

    assert parsed["server"] == "https://registry-1.docker.io"
    assert parsed["capabilities"] == ["push"]


def test_offline_closes_every_registry_for_containerd() -> None:
    files = {f.path: tomllib.loads(f.content.decode()) for f in hosts_files(Mirrors((RULE,), offline=True), FOLDER)}

    mirrors = {f"{FOLDER}/{endpoint.server.host}/hosts.toml" for endpoint in RULE.endpoints}
    closed = {f"{FOLDER}/{name}/hosts.toml" for name in ("registry.k8s.io", "_default")}
    assert set(files) == closed | mirrors
    assert all(files[path]["capabilities"] == ["push"] for path in closed)
    assert files["/etc/containerd/certs.d/_default/hosts.toml"]["server"] == "https://offline.invalid"


def test_one_server_named_twice_is_one_table() -> None:
    rule = MirrorRule("registry.k8s.io", (PREFIX, Endpoint(PREFIX.server, PREFIX.prefix, flatten=True)))

    assert list(tomllib.loads(hosts_toml(rule, Mirrors()))["host"]) == ["https://harbor.example/v2/proxy/k8s"]


def test_certificates_are_always_verified() -> None:
    assert "skip_verify" not in "".join(f.content.decode() for f in hosts_files(Mirrors((RULE,), offline=True), FOLDER))


def test_without_rules_there_is_no_file() -> None:
    assert hosts_files(Mirrors(), FOLDER) == ()
