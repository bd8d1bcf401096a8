"""`cluster load`: images into all nodes side by side, each read once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.host.fs.given import CHUNK, chunks_of_input
from bootstrap.model.containers import Found
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.reference import parse_reference
from bootstrap.model.last_words import said_failure

INPUT = "-"


def load(engine: ClusterEngine, nodes: Sequence[Found], sources: Sequence[str]) -> dict[str, list[str]]:
    """Source → nodes that lacked it and have it now. `-` is standard input.

    Raises BootstrapError: exit 9 when the engine or a node refuses one; what was loaded before stays.
    """
    wanted = engine.images.ids([source for source in sources if source != INPUT])
    if absent := [source for source in sources if source not in (INPUT, *wanted)]:
        raise BootstrapError(
            f"the Docker engine has no image {absent[0]}",
            code=Exit.IMAGE,
            why="nothing was loaded",
            fix=f"docker pull {absent[0]}; or an archive: … cluster load - < FILE",
        )
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        there = dict(zip(nodes, pool.map(lambda node: ids_in(engine, node.name), nodes), strict=True))
    loaded = {}
    for source in sources:
        lacking = [node.name for node in nodes if source == INPUT or _lacks(there[node], source, wanted[source])]
        if lacking:
            _send(engine, lacking, chunks_of_input() if source == INPUT else _saved(engine, source))
        loaded[source] = lacking
    return loaded


def _send(engine: ClusterEngine, nodes: Sequence[str], chunks: Iterator[bytes]) -> None:
    commands = {name: engine.containers.feed(name, ["bootstrap", "images", "load", "-"]) for name in nodes}
    for chunk in chunks:
        for command in commands.values():
            command.write(chunk)
    with ThreadPoolExecutor(len(commands)) as pool:
        ended = dict(zip(commands, pool.map(lambda command: command.end(), commands.values()), strict=True))
    for name, ran in ended.items():
        if ran.code:
            raise said_failure(name, ran.lines, ran.code)


def _saved(engine: ClusterEngine, image: str) -> Iterator[bytes]:
    stream = engine.images.saved(image)
    return iter(partial(stream.read, CHUNK), b"")


def ids_in(engine: ClusterEngine, node: str) -> Mapping[str, str]:
    """Name → id of what a node's runtime has; nothing where it does not say."""
    try:
        images = json.loads(engine.containers.run(node, ["crictl", "images", "-o", "json"]).out)["images"]
        return {tag: image["id"] for image in images for tag in image["repoTags"]}
    except (ValueError, KeyError, TypeError):
        return {}


def _lacks(there: Mapping[str, str], source: str, identifier: str) -> bool:
    """An engine whose ids are no configurations' digests loads it once more: that does no harm."""
    return there.get(str(parse_reference(source).tagged)) != identifier
