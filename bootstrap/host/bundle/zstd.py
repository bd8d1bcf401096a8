"""Zstandard streams: one frame, a bounded window, nothing after it."""

from __future__ import annotations

import os
import sys
from typing import IO

from bootstrap.host.bundle.tar import Writable
from bootstrap.model.images.bundle import Damaged

__all__ = ["FAST", "LEVEL", "Compressor", "Decompressor", "zstd"]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 12
"""Nearly as small as the highest levels, in a tenth of their time (docs/adr/0008)."""
FAST = 1
"""For a bundle that is read once and thrown away."""
WINDOW_LOG = 26
"""Bundles are written with, and read with at most, a window of 64 MiB: the largest part of a reader's memory."""
_CHUNK = 1 << 20
"""Bytes read from the file at a time."""
_PIECE = 256 << 10
"""Bytes handed out at a time: they stay in the processor's cache, which halves the time that reading takes."""


class Compressor:
    """A file object that compresses what is written into it."""

    def __init__(self, output: Writable, level: int) -> None:
        parameter = zstd.CompressionParameter
        options: dict[int, int] = {
            parameter.compression_level: level,
            parameter.window_log: WINDOW_LOG,
            parameter.enable_long_distance_matching: 1,
            parameter.checksum_flag: 1,
            parameter.nb_workers: os.cpu_count() or 1,
        }
        self._packer = zstd.ZstdCompressor(options=options)
        self._output = output

    def write(self, data: bytes) -> int:
        self._output.write(self._packer.compress(data))
        return len(data)

    def close(self) -> None:
        self._output.write(self._packer.flush())


class Decompressor:
    """Reads exactly as many bytes as are asked for, never more into memory. Raises Damaged."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._unpacker = zstd.ZstdDecompressor(options=options)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes (at most 256 KiB at a time); empty at the end of the frame."""
        while not self._unpacker.eof:
            data = self._source.read(_CHUNK) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not data:
                raise Damaged("it ends too early: the file was cut")
            try:
                found = self._unpacker.decompress(data, min(size, _PIECE))
            except zstd.ZstdError as e:
                raise Damaged(f"it is not a bundle, or its bytes are damaged ({e})") from e
            if found:
                return found
        return b""

    def end(self) -> None:
        """Nothing may follow: neither in the frame nor behind it."""
        if self.read(1):
            raise Damaged("it goes on behind its end")
        if self._unpacker.unused_data or self._source.read(1):
            raise Damaged("something follows behind its end")
