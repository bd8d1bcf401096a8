"""A proxy in front of a registry that fails as told, once or several times, for the paths that a rule names."""

from __future__ import annotations

import http.client
import http.server
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.registry.servers import RegistryServer


@dataclass
class Fault:
    """For the next `times` requests whose `METHOD PATH` matches."""

    pattern: str
    act: Callable[[Handler, http.client.HTTPResponse, bytes], None]
    times: int = 1


class FaultyProxy:
    """Forwards to one registry; `seen` are (`METHOD PATH`, Range header, time)."""

    def __init__(self, server: RegistryServer) -> None:
        self.server = server
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, float]] = []
        self._lock = threading.Lock()
        proxy = self

        class Bound(Handler):
            outer = proxy

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    def next_fault(self, line: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, line):
                    fault.times -= 1
                    return fault
        return None

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    """One request: the registry's answer, or a fault in its place."""

    protocol_version = "HTTP/1.1"
    outer: FaultyProxy

    def do_GET(self) -> None:
        line = f"{self.command} {self.path}"
        self.outer.seen.append((line, self.headers.get("Range", ""), time.monotonic()))
        fault = self.outer.next_fault(line)
        connection = self.outer.server.connect()
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        connection.request(self.command, self.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        try:
            if fault:
                fault.act(self, answer, body)
            else:
                self.forward(answer, body)
        except OSError:
            self.close_connection = True  # the client has had enough

    do_HEAD = do_GET

    def forward(self, answer: http.client.HTTPResponse, body: bytes, status: int = 0) -> None:
        self.head(answer, status)
        self.wfile.write(body)

    def head(self, answer: http.client.HTTPResponse, status: int = 0) -> None:
        self.send_response(status or answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def status(code: int, **headers: str) -> Callable[..., None]:
    """Another status in place of the answer: `status(429, Retry_After="1")`."""

    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return act


def says(code: int, body: bytes, kind: str, *headers: tuple[str, str]) -> Callable[..., None]:
    """Another answer, with any headers as often as they are given."""

    def act(handler: Handler, answer: http.client.HTTPResponse, _: bytes) -> None:
        handler.send_response(code)
        for name, value in (*headers, ("Content-Type", kind), ("Content-Length", str(len(body)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"" if handler.command == "HEAD" else body)

    return act


def cut(after: int) -> Callable[..., None]:
    """The connection is reset after so many bytes of the body."""

    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        handler.head(answer)
        handler.wfile.write(body[:after])
        handler.wfile.flush()
        time.sleep(0.05)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True

    return act


def stall(after: int, seconds: float) -> Callable[..., None]:
    """Silence after so many bytes of the body."""

    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        handler.head(answer)
        handler.wfile.write(body[:after])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return act


def silence(seconds: float) -> Callable[..., None]:
    """No answer at all."""

    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return act


def trickle(pause: float) -> Callable[..., None]:
    """One byte after the other, for ever: no read is silent for long, and none ends."""

    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        handler.head(answer)
        for byte in body:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(pause)

    return act


def wrong_bytes(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
    """As long as the right ones."""
    handler.forward(answer, bytes(b ^ 0xFF for b in body[:16]) + body[16:])


def endless(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
    """More than the manifest promises."""
    handler.send_response(200)
    handler.send_header("Content-Type", answer.headers.get("Content-Type", ""))
    handler.send_header("Content-Length", str(len(body) * 1000))
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(body)


def redirect(where: str) -> Callable[..., None]:
    def act(handler: Handler, answer: http.client.HTTPResponse, body: bytes) -> None:
        status(307, Location=where)(handler, answer, body)

    return act
