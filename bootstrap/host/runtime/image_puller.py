"""The way of an image into a runtime: found, fetched into a folder, imported, pinned."""

from __future__ import annotations

from pathlib import Path

from bootstrap.host.images.layout import Layout
from bootstrap.host.registry.limits import Deadline, Limits
from bootstrap.host.registry.pull import LocatedImage, Search, TransferListener, fetch
from bootstrap.host.runtime.containerd import Containerd
from bootstrap.model import names
from bootstrap.model.images.image import Platform
from bootstrap.model.images.lock import LockedImage
from bootstrap.model.images.reference import Reference
from bootstrap.render.images.mirrors import Route

FOLDER = Path(names.WORK_DIR) / "pull"
"""Where blobs lie until a whole run is over: images share layers, and what a broken run left is not fetched again."""


class ImagePuller:
    """Brings in images; one deadline for all."""

    def __init__(
        self, runtime: Containerd, platform: Platform, limits: Limits, deadline: Deadline, listen: TransferListener
    ) -> None:
        self._runtime, self._platform = runtime, platform
        self._limits, self._deadline = limits, deadline
        self._listen = listen

    def ensure(
        self, image: Reference, way: Route, locked: LockedImage | None
    ) -> tuple[str, LocatedImage | None, tuple[str, ...]]:
        """The image's digest, where it came from (None: it was there), and the places that were passed over.

        Raises BootstrapError: 3 (credentials), 5 (nobody has it), 6 (deadline), 9 (refused).
        """
        here = self._runtime.digest(image.tagged)
        if image.digest not in ("", here):
            here = ""  # the tag stands for something else
        if here and (not way.candidates or (locked and here == locked.digest)):
            return here, None, ()
        search = Search(image, way, self._platform, locked, self._limits, self._deadline)
        found = search.next()
        if here == found.resolved.top.digest:
            return here, None, found.passed
        layout = Layout(FOLDER)
        found = fetch(search, found, image, layout, self._listen)
        self._runtime.ensure(image.tagged, found.resolved, self._platform, layout)
        return found.resolved.top.digest, found, found.passed


def clear() -> None:
    """Nothing of what was on the way is left, older breaks included."""
    Layout(FOLDER).discard()
