"""Changes of a YAML or JSON text that leave every other byte as it is: comments, order, style, line ends.

Of the first document, which has to be a mapping or nothing, and of what stands right below it: an item of a list, a
word. The text was read without errors; places come from the parser's marks. Whoever calls reads the result again and
compares: YAML has corners.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from bootstrap.formats.yaml_scalars import needs_quotes
from bootstrap.formats.yaml_text import to_yaml

_PLAIN = re.compile(r"[A-Za-z][\w.@/-]*")


@dataclass
class _Node:
    """A value's text is `text[start:end]`; what follows it on its last line is not part of it.

    `inner` is where the inside of one in brackets begins, 0 of one in block style.
    """

    start: int
    end: int = 0
    inner: int = 0
    style: str = ""
    scalar: bool = False
    items: list[_Node] = field(default_factory=list)
    words: dict[str, _Node] = field(default_factory=dict)
    """What a mapping has, by its key; the last of equal ones."""
    column: int = 0

    @property
    def last(self) -> _Node | None:
        return self.items[-1] if self.items else None


def with_item(text: str, key: str, item: Any) -> str:
    """With one more item at the end of the list below `key`, which is made when there is none."""
    top = _top(text)
    found = top.words.get(key) if top else None
    if top is None or found is None:
        return _with_key(text, top, key, [item])
    inline = json.dumps(item, ensure_ascii=False)
    if found.scalar:  # null
        cleared = text[: found.start] + text[found.end :]
        if top.inner:
            return _inserted(cleared, found.start, f"[{inline}]")
        return _below(cleared, found.start, _block([item], top.column))
    last = found.last
    if found.inner:
        return _inserted(text, last.end, f", {inline}") if last else _inserted(text, found.inner, inline)
    assert last is not None
    return _below(text, last.end, _block([item], _column(text, _dash(text, last))))


def without_item(text: str, key: str, position: int) -> str:
    """Without an item of the list below `key`. LookupError where the text has none there."""
    top = _top(text) or _Node(0)
    found = top.words[key]
    item = found.items[position]
    if not found.inner:
        begin = _line_start(text, _dash(text, item))
        end = _line_end(text, len(text[: item.end].rstrip()))
        if not _at_line_start(text, end):  # the text's last line, which has no end: the one before has none then
            begin = _line_end(text, begin - 1, newline=False)
        return text[:begin] + text[end:]
    if position:
        return text[: found.items[position - 1].end] + text[item.end :]
    return text[: item.start] + text[found.items[1].start if len(found.items) > 1 else item.end :]


def with_word(text: str, key: str, word: str) -> str:
    """With `key` being this word."""
    top = _top(text)
    found = top.words.get(key) if top else None
    if top is None or found is None:
        return _with_key(text, top, key, word)
    shown = json.dumps(word)
    if _PLAIN.fullmatch(word) and not needs_quotes(word) and found.style != '"' and not top.inner:
        shown = f"'{word}'" if found.style == "'" else word
    if found.start == found.end:
        shown = f" {shown}"
    if found.style in ("|", ">"):
        shown += _newline(text)
    return text[: found.start] + shown + text[found.end :]


def _with_key(text: str, top: _Node | None, key: str, value: Any) -> str:
    if top is None:
        end = "" if not text or _at_line_start(text, len(text)) else _newline(text)
        return text + end + to_yaml({key: value})
    if top.inner:
        inline = f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        return _inserted(text, top.last.end, f", {inline}") if top.last else _inserted(text, top.inner, inline)
    assert top.last is not None
    return _below(text, top.last.end, _indented(to_yaml({key: value}), top.column))


def _block(items: list[Any], column: int) -> str:
    return _indented(to_yaml({"-": items}).partition("\n")[2], column)


def _indented(block: str, column: int) -> str:
    return "".join(f"{' ' * column}{line}" for line in block.splitlines(keepends=True))


def _inserted(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]


def _below(text: str, at: int, block: str) -> str:
    """`block` as lines of their own, after the line of what ends at `at`; the text ends as it did."""
    newline = _newline(text)
    lines = block.replace("\n", newline)
    if _at_line_start(text, at):
        return _inserted(text, at, lines)
    return _inserted(text, _line_end(text, at, newline=False), newline + lines.removesuffix(newline))


def _dash(text: str, item: _Node) -> int:
    """Where the dash of an item of a block list is."""
    return text.rindex("-", 0, item.start)


def _newline(text: str) -> str:
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def _at_line_start(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "\n"


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int, *, newline: bool = True) -> int:
    """After the line's end, or before it."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end + 1 if newline else end - (text[end - 1] == "\r")


def _column(text: str, at: int) -> int:
    return at - _line_start(text, at)


def _top(text: str) -> _Node | None:
    """The first document's mapping; None where there is none. ValueError for anything else in its place."""
    loader = yaml.CSafeLoader(text)
    try:
        while not isinstance(event := loader.get_event(), yaml.DocumentStartEvent):
            if event is None or isinstance(event, yaml.StreamEndEvent):
                return None
        top = _node(loader, loader.get_event(), text)
    finally:
        loader.dispose()
    if top.scalar and top.start == top.end:
        return None
    if top.scalar or (top.items and not top.words):
        raise ValueError("not a mapping")
    return top


def _node(loader: Any, first: Any, text: str) -> _Node:
    """Reads one value from its first event on."""
    node = _Node(first.start_mark.index, first.end_mark.index, style=getattr(first, "style", None) or "")
    if isinstance(first, yaml.ScalarEvent | yaml.AliasEvent):
        node.scalar = True
        return node
    is_mapping, name = isinstance(first, yaml.MappingStartEvent), None
    node.inner = first.end_mark.index if first.flow_style else 0
    while not _ends(event := loader.get_event()):
        if is_mapping:
            name = event.value if isinstance(event, yaml.ScalarEvent) else None
            node.column = node.column if node.items else _column(text, event.start_mark.index)
            event = loader.get_event()
        node.items.append(_node(loader, event, text))
        if name is not None:
            node.words[name] = node.items[-1]
    # the parser's own end of a block is where the next thing begins
    node.end = event.end_mark.index if node.inner else node.items[-1].end
    return node


def _ends(event: Any) -> bool:
    return isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent)
