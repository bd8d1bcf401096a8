"""Where `bundle create` takes images from, as `--from` names it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bootstrap.host.bundle.zstd import LEVEL
from bootstrap.host.docker.images import DockerImages
from bootstrap.host.fs.given import reached
from bootstrap.host.fs.scratch import scratch_folder
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.sources import ImageSource, LayoutSource, SeedSource, docker_source
from bootstrap.host.images.zstd_source import packed
from bootstrap.host.registry.limits import Limits
from bootstrap.host.registry.pull import NotHad, TransferListener
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.image import Platform
from bootstrap.render.images.required import RequiredImage
from bootstrap.workflows.images.bundle_create import SOURCES, Contents
from bootstrap.workflows.images.choice import ImageSelection
from bootstrap.workflows.images.pull import pull_to

LIMITS = Limits(total=3600.0)


def ignore(_: object) -> None:
    """Who is not told of transfers."""


@contextlib.contextmanager
def sources(
    texts: Sequence[str],
    wanted: Contents,
    reach: Callable[[str], str],
    listen: TransferListener = ignore,
    level: int = LEVEL,
) -> Iterator[tuple[ImageSource, ...]]:
    """The sources that --from names, each made for what those before it do not have.

    `reach` is the host's, `level` that of zstd for layers that come as plain tars.
    Raises BootstrapError: exit 2 (no source), 5 (no engine or registry gives), 9.
    """
    found: list[ImageSource] = []
    left = list(wanted.images)
    with contextlib.ExitStack() as opened:
        for number, text in enumerate(texts, 1):
            rest, last = replace(wanted, images=tuple(left)), number == len(texts)
            found.append(opened.enter_context(_source(text, rest, reach, listen, level, last=last)))
            left = [name for name in left if found[-1].target(name) is None]
        yield tuple(found)


@contextlib.contextmanager
def _source(
    text: str, wanted: Contents, reach: Callable[[str], str], listen: TransferListener, level: int, *, last: bool
) -> Iterator[ImageSource]:
    kind, _, rest = text.partition(":")
    if text == "seed":
        with packed(SeedSource(), level) as found:
            yield found
    elif text == "docker":
        with docker_source(DockerImages(reach), wanted.images) as engine, packed(engine, level) as found:
            yield found
    elif text == "registry":
        with scratch_folder("images") as folder:
            layout, lacking = Layout(folder), dict[str, str]()
            layout.set_index([])
            if last:
                _pull(layout, wanted, reach, listen)
            else:
                lacking = _pull_what_is_there(layout, wanted, reach, listen)
            yield LayoutSource(layout, text, lacking)
    elif kind == "layout" and rest:
        yield LayoutSource(Layout(reached(reach, rest)), text)
    else:
        raise BootstrapError(f"{text!r} is no source of images", code=Exit.USAGE, fix=f"--from {SOURCES}")


def _pull(layout: Layout, wanted: Contents, reach: Callable[[str], str], listen: TransferListener) -> None:
    """Everything that is wanted, by the rules for mirrors, for all architectures."""
    images = tuple(RequiredImage("", name, name) for name in wanted.images)
    chosen = ImageSelection(images, wanted.cfg.own.mirrors.reached(reach))
    for _ in pull_to(layout.path, chosen, [Platform(name) for name in wanted.architectures], None, LIMITS, listen):
        pass


def _pull_what_is_there(
    layout: Layout, wanted: Contents, reach: Callable[[str], str], listen: TransferListener
) -> dict[str, str]:
    """The same one by one, and why no registry gave the others: the next source is asked for them.

    One that has other content than a digest says ends it.
    """
    lacking = {}
    for name in wanted.images:
        try:
            _pull(layout, replace(wanted, images=(name,)), reach, listen)
        except NotHad as e:
            lacking[name] = "; ".join(e.details) or e.what
    return lacking
