"""What a server says of its own when it does not give what was asked for."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import requests
import urllib3

_MOST = 16 << 10
"""Bytes of an answer that are looked into."""
_LONGEST = 300
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE)


def said(answer: requests.Response) -> str:
    """The words in an answer's body, in one line: those of a registry's errors, a page's title, or a short text.

    Empty where there are none. The answer is closed.
    """
    return words_of(_beginning(answer))


def words_of(body: bytes) -> str:
    if is_page(body):
        return page(body)
    try:
        found = _messages(json.loads(body))
    except (ValueError, RecursionError):
        found = [] if body.lstrip()[:1] in (b"<", b"[", b"{") else [body.decode(errors="replace")]
    return _line("; ".join(found))


def is_page(body: bytes) -> bool:
    """Whether this is for people with a browser: a login page, a page of a proxy that forbids."""
    return _PAGE.match(body) is not None


def page(body: bytes) -> str:
    title = _TITLE.search(body[:_MOST])
    shown = _line(html.unescape(title[1].decode(errors="replace"))) if title else ""
    return f'a web page, "{shown}"' if shown else "a web page"


def _messages(document: Any) -> list[str]:
    """`{"errors": [{"code": …, "message": …}]}` (distribution-spec), and what token servers and proxies write."""
    if not isinstance(document, dict):
        return []
    errors = document.get("errors")
    entries = errors if isinstance(errors, list) else [document]
    found = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, dict):
            keys = ("message", "error_description", "details", "error", "code")
            found += [text for key in keys if isinstance(text := entry.get(key), str) and text][:1]
    return found


def _beginning(answer: requests.Response) -> bytes:
    """As much of the body as may be words; what was read before is there still."""
    if isinstance(answer._content, bytes):  # requests' own place for a body that was read
        return answer._content[:_MOST]
    body = b""
    try:
        while len(body) < _MOST and (data := answer.raw.read1(_MOST)):
            body += data
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
        pass
    finally:
        answer.close()
    return body


def _line(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
