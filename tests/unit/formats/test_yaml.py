"""What is written is read back as it was meant, by Kubernetes' rules; what is read is bounded."""

from __future__ import annotations

import codecs

import pytest

from bootstrap.formats.yaml_reader import CONFIGURATION, MANIFEST, PATCH, UnreadableError, parse, parse_one, read
from bootstrap.formats.yaml_text import to_yaml
from tests.unit.formats.nasty import WORDS, strings


def refused(text: str | bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        parse(text.encode() if isinstance(text, str) else text)
    return str(caught.value)


def test_every_string_stays_a_string() -> None:
    for text in strings(20_000):
        document = {"value": text, "list": [text], "in": {"deep": [{"er": text}]}, f"key{text}": 1}
        assert parse_one(to_yaml(document)) == document, repr(text)


def test_every_string_stays_a_key() -> None:
    for text in WORDS:
        assert parse_one(to_yaml({text: "x"})) == {text: "x"}, repr(text)


def test_other_values_stay_what_they_are() -> None:
    document = {"yes": True, "no": False, "none": None, "int": 8, "large": 2**63, "float": 1.5, "tiny": 1e-9, "": []}

    assert parse_one(to_yaml(document)) == document


def test_several_documents_are_one_stream() -> None:
    assert parse(to_yaml({"a": "y"}, {"b": "08"})) == [{"a": "y"}, {"b": "08"}]


@pytest.mark.parametrize(
    "text",
    ["a: 1\t# c", "a:\t1", '{\n\t"a":\t1\n}', "a\t: 1", "a: 1\t", "a:\t\n  1", 'a:\n  1\n---\t# next\n'],
)  # fmt: skip
def test_a_tab_may_stand_where_yaml_lets_it(text: str) -> None:
    assert parse(text.encode())[0] == {"a": 1}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a:\n\tb: 1", "line 2, column 1"),
        ("a:\n  b: 1\n\tc: 2", "line 3, column 1"),
        ("a:\n  \tb: 1", "line 2, column 3"),
        ("a:\n  - x\n\t- y", "line 3, column 1"),
        ("a: |\n\ttext", "line 2, column 1"),
        ("a:\n  -\tb: 1", "line 2, column 4"),
    ],
)
def test_a_tab_as_indentation_is_named(text: str, where: str) -> None:
    assert refused(text) == f"{where}: not YAML: a tab as indentation: use spaces"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("value: ::", 'line 1, column 9: not YAML: a ":" inside a value without quotes: put the value in quotes'),
        ("value: a: b", "put the value in quotes"),
        ("- a: b: c", "put the value in quotes"),
        ("a: 1\n  b: 2", "line 2, column 4: not YAML: this line is indented too far"),
        ("a:\n    b: 1\n  c: 2", "line 3, column 3: not YAML: the indentation of this line fits to none above it"),
        ("value: @x", 'a value cannot begin with "@": put the value in quotes'),
        ("value: `x`", 'a value cannot begin with "`": put the value in quotes'),
        ("value: %x", 'a value cannot begin with "%": put the value in quotes'),
        ("value: *.example.test", 'a value cannot begin with "*": put the value in quotes'),
        ("value: *x", 'a value cannot begin with "*": put the value in quotes'),
        ("value: ,x", 'a value cannot begin with ",": put the value in quotes'),
        ("value: - x", 'if this is text, put the value in quotes'),
        ('a: "x\nb: 1', "line 1, column 4: not YAML: the quote that begins here has no end"),
        ("a: 'it's'", "text after a closing quote"),
        ("a: [1, 2\nb: 3", "line 1, column 4: not YAML: the bracket that opens here is not closed"),
        ("a: 1\nfoo\nb: 2", 'line 2, column 1: not YAML: a line without ":"'),
        ("a: {{ .Values.x }}", "{{ }} is a template: render it first"),
        ("{{- if .x }}\na: 1", "{{ }} is a template: render it first"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_in_words(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_what_other_systems_write_is_read(encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    assert parse(mark + "a: ü\r\n---\r\nb: 2\r\n".encode(encoding)) == [{"a": "ü"}, {"b": 2}]


@pytest.mark.parametrize("text", ["\ufeffa: 1\n---\n\ufeffb: 2\n", "\ufeffa: 1\n\ufeff---\nb: 2\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_joined_files_have_a_mark_at_the_start_of_each(text: str, encoding: str) -> None:
    assert parse(text.encode(encoding)) == [{"a": 1}, {"b": 2}]


def test_a_mark_inside_of_a_value_stays() -> None:
    assert parse("a: x\ufeffy".encode()) == [{"a": "x\ufeffy"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"a: 1\nb: \xfc\n",
            "not UTF-8: byte 0xfc at offset 8, in line 2; save it as UTF-8, or: iconv -f WINDOWS-1252",
        ),
        ("a: 1\n".encode("utf-16-le"), "it looks like UTF-16LE; save it as UTF-8, or: iconv -f UTF-16LE"),
        ("a: 1\n".encode("utf-16-be"), "it looks like UTF-16BE"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x00", "not UTF-16, as its first bytes say"),
    ],
)
def test_other_encodings_are_named_with_what_converts_them(content: bytes, said: str) -> None:
    assert said in refused(content)


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000, "a: " + "[" * 5_000])
@pytest.mark.parametrize("rules", [CONFIGURATION, MANIFEST, PATCH])
def test_depth_is_bounded(text: str, rules: object) -> None:
    with pytest.raises(UnreadableError, match=r"inside each other|plain word|at most|sequence|indented|list begins"):
        parse(text.encode(), rules)  # type: ignore[arg-type]


def test_a_key_given_twice_is_an_error_or_noted_with_both_places() -> None:
    text = b"a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"

    assert refused(text) == 'line 4, column 3: "c" is given twice; first in line 3, column 3'
    reading = read(text, MANIFEST)
    assert reading.documents == ({"a": 3, "b": {"c": 2}},)
    assert [str(problem) for problem in reading.repeated] == [
        'line 4, column 3: "c" is given twice; first in line 3, column 3',
        'line 5, column 1: "a" is given twice; first in line 1, column 1',
    ]


def test_merges_are_gos() -> None:
    text = b"x: &x {a: 1, b: 1}\ny: &y {a: 2}\nz: {<<: *x, b: 2}\nl: {<<: [*y, *x]}\nq: {'<<': 1}"

    assert parse_one(text)["z"] == {"a": 1, "b": 2}
    assert parse_one(text)["l"] == {"a": 2, "b": 1}
    assert parse_one(text)["q"] == {"<<": 1}


def test_an_alias_is_a_value_of_its_own() -> None:
    first = parse_one(b"a: &a {b: [1]}\nc: *a")
    first["a"]["b"].append(2)

    assert first["c"] == {"b": [1]}


def test_a_null_is_no_key_but_in_a_patch() -> None:
    assert parse(b"a: null\nb: 1") == [{"b": 1}]
    assert parse(b"a: null\nb: 1", PATCH) == [{"a": None, "b": 1}]


def test_keys_are_strings_as_in_json() -> None:
    assert parse(b"{1: a, 0x10: b, yes: c, 08: d, 1.5: e, '010': f}") == [
        {"1": "a", "16": "b", "true": "c", "8": "d", "1.5": "e", "010": "f"}
    ]
