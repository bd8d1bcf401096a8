"""What is wrong with a text that is no YAML, in words for who wrote it: the parser's are about tokens."""

from __future__ import annotations

from typing import Protocol

import yaml

from bootstrap.model.errors import Problem

_TAB = "a tab as indentation: use spaces"
_QUOTE = "put the value in quotes"
TEMPLATE = "; {{ }} is a template: render it first (helm template, for a chart)"


class Mark(Protocol):
    """Of the parser in C and of the one in Python."""

    line: int
    column: int


def place(mark: Mark | None) -> str:
    """`line 3, column 5`."""
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def cannot_begin(character: str) -> str:
    """Characters that mean something at the begin of a value without quotes."""
    return f'a value cannot begin with "{character}": {_QUOTE}'


def problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """`text` is what was read."""
    mark: Mark | None = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    mark, words = _said(error, mark, line)
    if "{{" in line:
        words += TEMPLATE
    return Problem(place(mark), f"not YAML: {words}")


def _said(error: yaml.MarkedYAMLError, mark: Mark | None, line: str) -> tuple[Mark | None, str]:
    """Where to look, and what is wrong there."""
    said, context = str(error.problem), str(error.context or "")
    column = mark.column if mark else 0
    before, here = line[:column], line[column : column + 1]
    if here == "\t" or "tab character" in said:
        return mark, _TAB
    if "mapping values are not allowed" in said:
        within = ": " in f"{before} " or before.lstrip().startswith("- ")
        why = f'a ":" inside a value without quotes: {_QUOTE}' if within else "this line is indented too far"
        return mark, why
    if "cannot start any token" in said:
        return mark, cannot_begin(here)
    if "alphabetic or numeric" in said or "unknown directive" in said or "node content" in said:
        first = error.context_mark or mark
        begin = line[first.column : first.column + 1] if first else ""
        return first, cannot_begin(begin)
    if "expected key" in said:
        if before.rstrip().endswith(("'", '"')):
            return mark, "text after a closing quote: put all of the value in quotes (a ' inside of '…' is written '')"
        return mark, "the indentation of this line fits to none above it"
    if "document start" in said:
        return mark, "this line does not go on with what stands above it"
    if "quoted scalar" in context:
        return error.context_mark, "the quote that begins here has no end"
    if "',' or" in said:
        return error.context_mark, "the bracket that opens here is not closed, or a comma is missing"
    if "expected ':'" in said:
        return error.context_mark, 'a line without ":", which stands between a key and its value'
    if "sequence entries are not allowed" in said:
        return mark, f'a "-" of a list begins on a line of its own; if this is text, {_QUOTE}'
    return mark, said
