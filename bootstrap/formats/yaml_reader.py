"""YAML text to plain values: strict, bounded, and read as Kubernetes reads it.

Kubernetes' reader knows YAML 1.1 booleans (`on`, `yes`, `y`), leaves dates and `10:30` strings, and in strict mode
takes no key twice. PyYAML's own constructors differ in each, so nodes are turned into values here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from bootstrap.model.errors import Problem


@dataclass(frozen=True)
class Bounds:
    """`values` are counted after aliases are followed: small files can name very large values."""

    what: str
    bytes: int
    values: int


CONFIGURATION = Bounds("a configuration", 256 * 1024, 20_000)
MANIFEST = Bounds("a manifest", 16 * 1024 * 1024, 1_000_000)
"""Definitions of custom resources are long: upstream's largest manifests have some megabytes."""

_BOOLEANS = {
    word: value
    for value, words in ((True, ("y", "yes", "on", "true")), (False, ("n", "no", "off", "false")))
    for lower in words
    for word in (lower, lower.title(), lower.upper())
}
_NULLS = {"", "~", "null", "Null", "NULL"}
_TYPED_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")}
_STRING_TAG = "tag:yaml.org,2002:str"
_NO_TAG = "none"
_INTEGER = re.compile(r"[-+]?(0b[01][01_]*|0o?[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class _Composer(yaml.SafeLoader):
    """Leaves scalars that have no tag without one, for `_scalar` to resolve."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        return _NO_TAG if kind is yaml.ScalarNode else "collection"


class _FastComposer(yaml.CSafeLoader):
    """The same with libyaml, many times faster; its messages about broken YAML say less."""

    resolve = _Composer.resolve


class UnreadableError(Exception):
    """The text is not YAML that is accepted; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse(text: bytes, bounds: Bounds = CONFIGURATION) -> list[Any]:
    """The documents of a YAML stream as plain values; documents with nothing but comments are left out."""
    if len(text) > bounds.bytes:
        raise UnreadableError(Problem("", f"{len(text)} bytes: {bounds.what} has at most {bounds.bytes}"))
    composer = _Composer if bounds is CONFIGURATION else _FastComposer
    try:
        nodes = [n for n in yaml.compose_all(text.decode("utf-8"), composer) if n is not None]
        reader = _Reader(bounds.values)
        values = [reader.value(node, ()) for node in nodes if not _empty(node)]
    except UnicodeDecodeError as error:
        where = f"byte 0x{text[error.start]:02x} at offset {error.start}"
        raise UnreadableError(Problem("", f"not UTF-8: {where}")) from None
    except RecursionError:
        raise UnreadableError(Problem("", "nested too deeply")) from None
    except yaml.reader.ReaderError as error:
        raise UnreadableError(Problem("", f"not YAML: {error.reason} at offset {error.position}")) from None
    except yaml.MarkedYAMLError as error:
        raise UnreadableError(Problem(_place(error.problem_mark), f"not YAML: {error.problem}")) from None
    return values


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "" and not node.style


def _place(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""


class _Reader:
    """Turns nodes into values and counts them."""

    def __init__(self, most: int) -> None:
        self.count, self.most = 0, most

    def value(self, node: yaml.Node, above: tuple[yaml.Node, ...]) -> Any:
        """The plain value of a node; `above` are the nodes it is inside of."""
        self.count += 1
        if self.count > self.most:
            raise UnreadableError(Problem(_place(node.start_mark), f"more than {self.most} values"))
        if node in above:
            raise UnreadableError(Problem(_place(node.start_mark), "an alias inside its own anchor"))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, above)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*above, node)) for child in node.value]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        """A mapping; its keys become strings as in JSON, and a null value is the same as no key."""
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise UnreadableError(Problem(_place(key_node.start_mark), "a key must be a plain word"))
            value = self.value(value_node, (*above, node))
            items = value.items() if key_node.value == "<<" and isinstance(value, dict) else [(_key(key_node), value)]
            for key, item in items:
                if key in result:
                    raise UnreadableError(Problem(_place(key_node.start_mark), f'"{key}" is given twice'))
                result[key] = item
        return {k: v for k, v in result.items() if v is not None}


def _key(node: yaml.ScalarNode) -> str:
    value = _scalar(node)
    return str(value).lower() if isinstance(value, bool) else str(node.value)


def _scalar(node: yaml.ScalarNode) -> Any:
    """A scalar as Kubernetes' YAML reader resolves it."""
    text = str(node.value)
    if node.tag == _STRING_TAG or (node.tag == _NO_TAG and node.style):
        return text
    if node.tag == _NO_TAG or node.tag in _TYPED_TAGS:
        return _plain(text)
    raise UnreadableError(Problem(_place(node.start_mark), f"the tag {node.tag} is not known here"))


def _plain(text: str) -> Any:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text) and len(text) < 40:
        digits = text.replace("_", "")
        octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
        return int(octal[1] + octal[2], 8) if octal else int(digits, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if abs(number) < 2**53 and number.is_integer():
            return int(number)
        return number if math.isfinite(number) else text
    return text
