"""What an etcd says to its peers, with or without a quorum, and who answers as one at an address."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.host.port import HostReader
from bootstrap.joining.etcd_members import MARK
from bootstrap.model.effects import KeyPair
from bootstrap.render.addresses import is_ipv6, split_url

TIMEOUT = 1.0
"""Seconds for a connection: peers of a member are near, or there is nobody."""
ANSWER_TIME = 5.0


def known_members(host: HostReader, pair: KeyPair, url: str) -> list[Mapping[str, Any]]:
    """The members as the etcd at `url` has them. Raises ConnectionError while it does not answer."""
    _, address, port = split_url(url)
    asked = http.client.HTTPSConnection(address, port)
    try:
        asked.sock = _context(host, pair, by_name=True).wrap_socket(_connected(address, port), server_hostname=address)
        asked.request("GET", "/members")
        answer = asked.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise ConnectionError(f"{url} does not answer: {e}") from e
    finally:
        asked.close()
    if answer.status != http.client.OK or not isinstance(found, list):
        raise ConnectionError(f"{url}: HTTP {answer.status}")
    return found


def who_answers(host: HostReader, pair: KeyPair, addresses: Iterable[str], port: int) -> dict[str, str]:
    """Name → address of the peers that show a certificate of the etcd's CA; nobody is told anything."""
    context = _context(host, pair, by_name=False)

    async def ask() -> list[tuple[str, str]]:
        return await asyncio.gather(*(_name_at(address, port, context) for address in dict.fromkeys(addresses)))

    return {name: address for name, address in asyncio.run(ask()) if name}


async def _name_at(address: str, port: int, context: ssl.SSLContext) -> tuple[str, str]:
    """The common name of who answers, empty for nobody."""
    try:
        async with asyncio.timeout(TIMEOUT):
            with contextlib.closing(_marked(address)) as made:
                made.setblocking(False)
                await asyncio.get_running_loop().sock_connect(made, (address, port))
                _, writer = await asyncio.open_connection(sock=made.dup(), ssl=context, server_hostname=address)
    except (OSError, TimeoutError):
        return "", address
    subject = (writer.get_extra_info("peercert") or {}).get("subject", ())
    writer.transport.abort()
    return next((value for part in subject for key, value in part if key == "commonName"), ""), address


def _connected(address: str, port: int) -> socket.socket:
    made = _marked(address)
    made.settimeout(ANSWER_TIME)
    try:
        made.connect((address, port))
    except OSError:
        made.close()
        raise
    return made


def _marked(address: str) -> socket.socket:
    """Its packets are led nowhere else."""
    made = socket.socket(socket.AF_INET6 if is_ipv6(address) else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    return made


def _context(host: HostReader, pair: KeyPair, *, by_name: bool) -> ssl.SSLContext:
    """With `by_name` the server's certificate has to name the address as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = by_name
    try:
        context.load_verify_locations(host.reach(pair.ca))
        context.load_cert_chain(host.reach(pair.certificate), host.reach(pair.key))
    except OSError as e:
        raise ConnectionError(f"{pair.certificate} cannot be used: {e}") from e
    return context
