"""A cluster of ours in somebody's kubeconfig: in and out again, and not a byte of the rest is another one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bootstrap.formats.kubeconfig import Current, read_kubeconfig
from bootstrap.formats.kubeconfig_merge import ForeignError, merged, read_file, taken_out
from bootstrap.formats.yaml_reader import parse_one

OURS = Current(
    {}, {"server": "https://127.0.0.1:6443", "certificate-authority-data": "QUJD"}, {"token": "no\nplain: one"}
)
PLAIN = """\
# the clusters of my team
apiVersion: v1
kind: Config
preferences: {colors: true}
clusters:
- cluster:
    server: https://work.example.test   # behind the VPN
    futureField: [1, 2]
  name: work
contexts:
- context: {cluster: work, user: me}
  name: work
current-context: work # do not touch
users:
- name: me
  user:
    exec: {command: login, args: ["a: b"]}
"""
NOTES = "|# a note\n|\n|#- name: no\n"
VALUES = """{}|{a: 'x y', b: [1, "c"]}|{"token": "t# -"}"""
FILES = {
    "plain": PLAIN,
    "no end of line": PLAIN.rstrip("\n"),
    "windows": PLAIN.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PLAIN,
    "indented dashes": "".join(f"   {line}" if line[0] in "- " else line for line in PLAIN.splitlines(keepends=True)),
    "comments everywhere": PLAIN.replace("\n", "\n# - name: x\n"),
    "empty lists": "clusters: []\ncontexts: [ ]\nusers: []\ncurrent-context: ''\n",
    "nulls": "apiVersion: v1\nclusters:\ncontexts: null # none\nusers: ~\ncurrent-context:\n",
    "nothing of ours": "apiVersion: v1\n# the end\n",
    "comments": "# nothing yet\n",
    "begun": "---\n",
    "json": json.dumps(parse_one(PLAIN), indent=4),
    "json, short": json.dumps(parse_one(PLAIN), separators=(",", ":")) + "\n",
    "json, nothing in it": "{}",
    "literals": PLAIN.replace("command: login", "command: login").replace(
        '    exec: {command: login, args: ["a: b"]}', "    token: |\n      a\n\n      - name: b\n"
    ),
    "kept line ends": PLAIN + "    password: |+\n      x\n\n\n",
    "two documents": PLAIN + "---\nclusters: [{name: other}]\n",
    "an end": PLAIN + "...\n",
    "anchors": PLAIN.replace("context: {", "context: &c {") + "extra: *c\n",
    "brackets": "clusters: [{name: work, cluster: {}},]\ncontexts: [\n {name: work}, # c\n]\nusers:\n  []\n",
    "quoted keys": PLAIN.replace("contexts:", '"contexts":').replace(": work #", ": 'work' #"),
}  # fmt: skip


def files(text: str | None) -> list[Any]:
    return [read_file("/k", None if text is None else text.encode())]


def put(text: str | None, name: str = "ours") -> str:
    return merged(files(text), "/k", name, OURS)["/k"].decode()


def out(text: str, name: str = "ours") -> str:
    return taken_out(files(text), name).get("/k", text.encode()).decode()


def without_ours(document: Any) -> dict[str, Any]:
    kept = dict(document or {})
    for kind in ("clusters", "contexts", "users"):
        kept[kind] = [entry for entry in kept.get(kind) or [] if entry["name"] != "ours"]
    return {**kept, "current-context": ""}


def lost(before: str, after: str) -> list[str]:
    """Lines that are not there any more, but for what says which context is the current one."""
    left = iter(after.splitlines())
    lines = (line for line in before.splitlines() if "current-context" not in line)
    return [line for line in lines if not any(line == other for other in left)]


@pytest.mark.parametrize("name", FILES)
def test_it_is_the_current_context_afterwards_and_the_rest_means_what_it_did(name: str) -> None:
    text = FILES[name]
    after = put(text)

    current = read_kubeconfig(after.removeprefix("\ufeff").encode())
    assert current.document["current-context"] == "ours"
    assert current.user["token"] == OURS.user["token"]
    others = without_ours(parse_one(text))
    assert {**without_ours(current.document), **others} == without_ours(current.document)


@pytest.mark.parametrize(
    "name", [name for name in FILES if not name.startswith(("json", "brackets", "nulls", "empty"))]
)
def test_every_line_stays(name: str) -> None:
    assert lost(FILES[name], put(FILES[name])) == []


@pytest.mark.parametrize("name", FILES)
def test_taken_out_again_the_rest_is_as_it_was(name: str) -> None:
    text = FILES[name]
    after = out(put(text))

    others, left = without_ours(parse_one(text)), without_ours(parse_one(after.removeprefix("\ufeff")))
    assert {**left, **others} == left
    if "work" in text and name not in ("two documents", "brackets"):
        assert after == text


@pytest.mark.parametrize("name", FILES)
def test_a_second_time_changes_nothing_more(name: str) -> None:
    once = put(FILES[name])

    assert merged(files(once), "/k", "ours", OURS) == {}


def test_a_file_that_is_not_there_is_made() -> None:
    assert put(None).startswith("apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n")
    assert put(None) == put("")


def entries(pick: Callable[[str], str], entry: str, count: int) -> str:
    """A list of things with a name, as people, kubectl and other tools put it."""
    indent = pick("|  |    ")
    in_a_line = [f"{{name: e{i}, {entry}: {{}}}}" for i in range(count)]
    short = [f"{indent}- name: e{i}{pick('| # - c')}\n{indent}  {entry}: {pick(VALUES)}\n" for i in range(count)]
    long = [
        f"{indent}-\n{indent}    {entry}:\n{indent}      other: {pick('>|>-|>+')}\n{indent}       a\n{indent}"
        f"       - b\n{pick(NOTES)}{indent}    name: e{i}\n"
        for i in range(count)
    ]
    if not count or pick("lines|lines|words") == "words":
        return f" [{pick(', |,| , ').join(in_a_line)}]\n"
    return "\n" + "".join(line + pick(NOTES) for line in (short if pick("short|long") == "short" else long))


def kubeconfigs(count: int) -> Iterator[str]:
    """Of such pieces in any order."""
    chance = random.Random(7)  # noqa: S311

    def pick(words: str) -> str:
        return chance.choice(words.split("|"))

    for _ in range(count):
        pieces = [f"{entry}s:{entries(pick, entry, chance.randrange(4))}" for entry in ("cluster", "context", "user")]
        pieces += [pick("|current-context: e0\n|current-context: \"e0\" # now\n|current-context: 'e0'\n")]
        pieces += ["extensions: {x: [a, {b: c}]}\n"]
        chance.shuffle(pieces)
        text = pick(NOTES).join(["apiVersion: v1\nkind: Config\n", *pieces])
        text = text.replace("\n", pick("\n|\n|\r\n"))
        yield text if chance.random() < 0.8 else text.rstrip("\r\n")


def test_whatever_a_file_looks_like_only_ours_comes_and_goes() -> None:
    for text in kubeconfigs(200):
        there = parse_one(text)
        one = put(text)
        two = put(one, "second")
        assert without_ours(parse_one(one)) == without_ours(there), text
        assert [e["name"] for e in parse_one(two)["clusters"]][-2:] == ["ours", "second"], text
        assert parse_one(two)["current-context"] == "second", text
        left = out(two, "second")
        assert left == one or "current-context" not in text, text
        back = out(left)
        assert without_ours(parse_one(back)) == without_ours(there), text
        assert lost(text, back) == [], text
        if "current-context" in text and "e0" in [e["name"] for e in there.get("contexts") or []]:
            assert back == text


@pytest.mark.parametrize(
    ("before", "after"),
    [("work", "work"), ("gone", ""), ("", ""), ("ours", "")],
)
def test_the_context_that_was_the_current_one_is_it_again(before: str, after: str) -> None:
    text = PLAIN.replace("current-context: work", f"current-context: {before}")

    assert parse_one(out(put(text)))["current-context"] == after


def test_a_context_that_was_chosen_since_stays() -> None:
    chosen = put(PLAIN).replace("current-context: ours", "current-context: work")

    assert out(chosen) == PLAIN
    assert parse_one(out(put(chosen)))["current-context"] == "work"


def test_what_has_our_name_and_is_not_ours_is_left_alone() -> None:
    with pytest.raises(ForeignError, match="cluster work in /k is somebody else's"):
        put(PLAIN, "work")
    assert taken_out(files(PLAIN), "work") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: b: c", "line 1"),
        ("- a\n", "no kubeconfig"),
        ("word", "no kubeconfig"),
        ("clusters: {a: b}\n", "clusters"),
        ("users: [{user: {}}]\n", "users"),
        ("contexts: [{name: a, context: word}]\n", "contexts"),
        ("current-context: [a]\n", "no kubeconfig"),
        ("clusters: [{name: a}]\ncontexts: {\n", "line"),
    ],
)
def test_a_broken_one_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        put(text)


def test_what_cannot_be_changed_as_text_is_refused() -> None:
    for text in (
        "base: &b {clusters: [{name: a}]}\n<<: *b\n",
        "x: &l [{name: a}]\nclusters: *l\n",
    ):
        with pytest.raises(ValueError, match="YAML"):
            put(text)


def test_among_several_files_each_change_goes_where_kubectl_looks_for_it() -> None:
    others = [read_file("/a", b"users: []\n"), read_file("/b", PLAIN.encode()), read_file("/c", None)]
    changed = merged(others, "/a", "ours", OURS)

    assert set(changed) == {"/a", "/b"}
    assert changed["/b"].decode() == PLAIN.replace("current-context: work", "current-context: ours")
    now = [read_file(path, changed.get(path)) for path in ("/a", "/b", "/c")]
    back = taken_out(now, "ours")
    assert back["/b"].decode() == PLAIN
    assert "ours" not in back["/a"].decode()
