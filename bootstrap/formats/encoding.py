"""Bytes of a text file as text: UTF-8, or UTF-16 with its mark (as Windows' own tools write it)."""

from __future__ import annotations

import codecs
import re

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OLD = "WINDOWS-1252"
_MARK = re.compile("^\ufeff+", re.MULTILINE)


class EncodingError(ValueError):
    """The bytes are in no encoding that is read; the message says which ones, where, and what converts them."""


def decoded(content: bytes) -> str:
    """The text without byte order marks: files that were joined have one at the start of each part."""
    if content.startswith(_UTF16):
        try:
            return _MARK.sub("", content.decode("utf-16"))
        except UnicodeDecodeError as error:
            raise EncodingError(f"not UTF-16, as its first bytes say: {error.reason} at offset {error.start}") from None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"byte 0x{content[error.start]:02x} at offset {error.start}, in line {line}"
        raise EncodingError(
            f"not UTF-8: {where}; save it as UTF-8, or: iconv -f {_guess(content)} -t UTF-8 FILE"
        ) from None
    if "\0" in text and (guess := _guess(content)) != _OLD:
        raise EncodingError(f"it looks like {guess}; save it as UTF-8, or: iconv -f {guess} -t UTF-8 FILE")
    return _MARK.sub("", text)


def _guess(content: bytes) -> str:
    """UTF-16 without its mark has a zero in every other byte of plain words."""
    even, odd = content[0:400:2].count(0), content[1:400:2].count(0)
    if max(even, odd) * 4 < min(len(content), 400) // 2:
        return _OLD
    return "UTF-16LE" if odd > even else "UTF-16BE"
