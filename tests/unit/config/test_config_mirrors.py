"""The rules for mirrors are read from a document and from a file of their own, with all problems at once."""

from __future__ import annotations

import pytest

from bootstrap.config import Overrides, dump, load, resolve
from bootstrap.config.own.bootstrap_configuration import load_mirrors
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.mirrors import Credentials, Endpoint, MirrorRule, Mirrors, Server

HEAD = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\nmirrors:\n"
RULES = """\
offline: true
registries:
- registry: registry.k8s.io
  upstream: false
  endpoints:
  - server: flat.example:5000
    prefix: team/k8s
    flatten: true
    rewrite:
    - {from: coredns/coredns, to: dns}
    caFile: /etc/ssl/flat.pem
    credentials: {username: me, passwordFile: /root/password}
  - server: 192.0.2.1:5000
    plainHTTP: true
    credentials: {dockerConfig: /root/.docker/config.json}
- registry: index.docker.io
  endpoints:
  - {server: hub.example, credentials: {helper: vault}}
"""
EXPECTED = Mirrors(
    (
        MirrorRule(
            "registry.k8s.io",
            (
                Endpoint(
                    Server(
                        "flat.example:5000",
                        ca_file="/etc/ssl/flat.pem",
                        credentials=Credentials(username="me", password_file="/root/password"),  # noqa: S106
                    ),
                    "team/k8s",
                    True,
                    (("coredns/coredns", "dns"),),
                ),
                Endpoint(
                    Server("192.0.2.1:5000", True, credentials=Credentials(docker_config="/root/.docker/config.json"))
                ),
            ),
            upstream=False,
        ),
        MirrorRule("docker.io", (Endpoint(Server("hub.example", credentials=Credentials(helper="vault"))),)),
    ),
    offline=True,
)


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def test_a_rule_file_and_the_field_of_the_document_say_the_same() -> None:
    cfg = resolve(load((HEAD + indented(RULES)).encode()), Overrides(), ANY_HOST)

    assert load_mirrors(RULES.encode()) == EXPECTED
    assert cfg.own.mirrors == EXPECTED


def test_rules_survive_being_written_and_read() -> None:
    cfg = resolve(load((HEAD + indented(RULES)).encode()), Overrides(), ANY_HOST)

    assert resolve(load(dump(cfg).encode()), Overrides(), ANY_HOST) == cfg


def test_without_rules_nothing_is_written_about_mirrors() -> None:
    assert "mirrors" not in dump(resolve(load((HEAD + "  offline: false\n").encode()), Overrides(), ANY_HOST))


WRONG = """\
ofline: true
registries:
- registry: registry.k8s.io/coredns
  endpoints:
  - server: https://flat.example
    flaten: true
    rewrite:
    - {form: a, to: B}
  - {server: a.example/prefix, prefix: /x, caFile: 3}
  - {server: a.example, plainHTTP: true, caFile: /x}
  - {server: a.example, credentials: {username: me}}
  - {server: a.example, credentials: {helper: x, dockerConfig: /y}}
  - {}
- registry: ghcr.io
  upstream: false
- registry: quay.io
  endpoint: []
"""
PROBLEMS = [
    'mirrors.ofline: unknown field; did you mean "offline"?',
    'mirrors.registries[0].registry: "registry.k8s.io/coredns" is not a registry: HOST or HOST:PORT; '
    "write the registry alone: registry.k8s.io",
    "mirrors.registries[0].endpoints[0].server: give HOST or HOST:PORT alone: write server: flat.example",
    'mirrors.registries[0].endpoints[0].flaten: unknown field; did you mean "flatten"?',
    'mirrors.registries[0].endpoints[0].rewrite[0].form: unknown field; did you mean "from"?',
    "mirrors.registries[0].endpoints[0].rewrite[0].from: field required",
    'mirrors.registries[0].endpoints[0].rewrite[0].to: "B" is not part of a name: lower-case words, split by "/", '
    "none at the ends",
    "mirrors.registries[0].endpoints[1].server: give HOST or HOST:PORT alone: write server: a.example, prefix: prefix",
    'mirrors.registries[0].endpoints[1].prefix: "/x" is not part of a name: lower-case words, split by "/", '
    "none at the ends",
    "mirrors.registries[0].endpoints[1].caFile: input should be a valid string",
    "mirrors.registries[0].endpoints[2]: plainHTTP and caFile exclude each other",
    "mirrors.registries[0].endpoints[3].credentials: username and passwordFile belong together",
    "mirrors.registries[0].endpoints[4].credentials: give one of dockerConfig, helper, or username with passwordFile",
    "mirrors.registries[0].endpoints[5].server: field required",
    "mirrors.registries[1]: without endpoints and upstream there is nothing to ask",
    'mirrors.registries[2].endpoint: unknown field; did you mean "endpoints"?',
]


def test_all_problems_are_told_at_once_each_with_its_path() -> None:
    with pytest.raises(BootstrapError) as caught:
        load_mirrors(WRONG.encode())

    assert caught.value.code == Exit.CONFIG
    assert sorted(caught.value.details) == sorted(PROBLEMS)


def test_problems_in_the_document_are_told_with_those_of_other_fields() -> None:
    text = HEAD + indented("registries:\n- registry: a.example\n  endpoints:\n  - {serve: x}\n") + "cny: none\n"
    found = [str(problem) for problem in load(text.encode()).problems]

    assert found == [
        "BootstrapConfiguration.mirrors.registries[0].endpoints[0].server: field required",
        'BootstrapConfiguration.mirrors.registries[0].endpoints[0].serve: unknown field; did you mean "server"?',
        'BootstrapConfiguration.cny: unknown field; did you mean "cni"?',
    ]


def test_two_rules_for_one_registry_are_refused() -> None:
    with pytest.raises(BootstrapError) as caught:
        load_mirrors(b"registries: [{registry: docker.io}, {registry: index.docker.io}]")

    assert caught.value.details == ("mirrors.registries: docker.io has two rules; put their endpoints into one",)


@pytest.mark.parametrize("text", [b"", b"- a", b"a: 1\n---\nb: 2\n"])
def test_a_rule_file_is_one_mapping(text: bytes) -> None:
    with pytest.raises(BootstrapError, match="1 problem"):
        load_mirrors(text)


def test_files_that_rules_name_are_where_the_host_is() -> None:
    found = EXPECTED.reached(lambda path: f"/proc/1/root{path}")
    before, after = ([e.server for rule in m.rules for e in rule.endpoints] for m in (EXPECTED, found))

    assert EXPECTED.reached(str) == EXPECTED
    assert [s.ca_file for s in after] == [s.ca_file and f"/proc/1/root{s.ca_file}" for s in before]
    assert any(s.ca_file for s in after)
    logins = [(one.credentials, other.credentials) for one, other in zip(before, after, strict=True)]
    for one, other in logins:
        assert one is None or other is not None
        if one and other:
            assert other.password_file == (one.password_file and f"/proc/1/root{one.password_file}")
            assert other.docker_config == (one.docker_config and f"/proc/1/root{one.docker_config}")
            assert other.helper == one.helper


HUB = '[{"registry": "docker.io", "endpoints": [{"server": "m.example:5000", "prefix": "hub"}'
OTHERS = {
    'server = "https://docker.io"\n[host."https://m.example:5000/v2/hub"]\noverride_path = true\n': "hosts.toml",
    "mirrors:\n  docker.io:\n    endpoint: ['https://m.example:5000/v2/hub']\nconfigs: {}\n": "k3s' registries.yaml",
    "docker.io:\n  endpoint: ['https://m.example:5000/hub', 'ftp://x']\n": "a part of k3s' registries.yaml",
    '{"registry-mirrors": ["https://m.example:5000/hub/"]}': "Docker's daemon.json",
    '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.example:5000/hub"\n': "registries.conf",
    '[plugins."x".registry.mirrors."docker.io"]\nendpoint = ["https://m.example:5000/v2/hub"]\n': "config.toml",
    "kind: ImageDigestMirrorSet\nspec: {imageDigestMirrors: [{source: docker.io/library, "
    "mirrors: ['m.example:5000/hub']}]}\n": "an ImageDigestMirrorSet",
}


@pytest.mark.parametrize("text", OTHERS, ids=OTHERS.values())
def test_the_rules_of_other_programs_are_said_in_ours(text: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        load_mirrors(text.encode())

    (said,) = caught.value.details
    assert OTHERS[text] in said
    written = said.partition("write instead: ")[2].partition("   (")[0]
    assert HUB in written
    assert load_mirrors(written.encode()).rules[0].endpoints[0] == Endpoint(Server("m.example:5000"), "hub")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}  offline: true\n", "this is a whole BootstrapConfiguration"),
        ("mirrors: {offline: true}\n", "leave out the line mirrors: itself"),
        ("mirrors: {}\n", "rules for mirrors look otherwise"),
        ("configs: {}\n", "rules for mirrors look otherwise"),
        ("registries: [{registry: '*'}]", "write one for each (registry.k8s.io, docker.io, …)"),
        ("registries: [{registry: '*.example'}]", "no rule holds for several registries"),
        ("registries: [{registry: 'https://ghcr.io/'}]", "write the registry alone: ghcr.io"),
        ("registries: [{registry: a.b, endpoints: [{server: 'https://m.b'}]}]", "write server: m.b"),
        ("registries: [{registry: a.b, endpoints: [{server: 'http://m.b:1/x'}]}]", "m.b:1, prefix: x, plainHTTP: true"),
        (
            "registries: [{registry: a.b, endpoints: [{server: 'https://m.b/api/v2/x'}]}]",
            "cannot be said: the registry",
        ),
    ],
)
def test_what_to_write_instead_is_said(text: str, said: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        load_mirrors(text.encode())

    assert caught.value.code == Exit.CONFIG
    assert said in "\n".join(caught.value.details)


def test_the_field_of_the_document_knows_them_too() -> None:
    with pytest.raises(BootstrapError) as caught:
        text = HEAD + "  docker.io: {endpoint: ['https://m.example:5000/v2/hub']}\n"
        resolve(load(text.encode()), Overrides(), ANY_HOST)

    assert "registries.yaml; write instead: registries: " in "\n".join(caught.value.details)
