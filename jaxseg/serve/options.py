"""Defines the options of the service: address, batches and limits."""

from __future__ import annotations

import dataclasses

from jaxseg.runs.rules import check_bounds, each, number, optional, text, whole

MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class ServeOptions:
    """Sets the address of the service, how it forms batches, and its limits."""

    host: str = "127.0.0.1"
    """Address to listen on. The default accepts connections from this machine only;
    0.0.0.0 accepts them from everywhere."""
    port: int = 8000
    """Port to listen on. 0 chooses a free one, which the command prints."""
    max_batch: int = 4
    """Largest number of images per forward pass."""
    max_wait_ms: float = 10.0
    """Longest time in milliseconds that an image waits for others of its size to fill a
    batch. After this time, a smaller batch is run as soon as the network is free."""
    max_queue: int = 64
    """Largest number of accepted requests that are not finished. Further requests are
    refused with the status 429."""
    max_bytes: int = 16 * MEBIBYTE
    """Largest number of bytes of a request. Larger ones get the status 413."""
    max_pixels: int = 2048 * 2048
    """Largest number of pixels of an image, and of all images of a batch together. The
    size is read from the header of the file, so larger images are never decoded."""
    max_crf_pixels: int = 1024 * 1024
    """Largest number of pixels of an image that a dense CRF refines."""
    max_cut_pixels: int = 512 * 512
    """Largest number of pixels of an image that a graph cut segments or refines."""
    timeout: float = 60.0
    """Seconds after which a request gets the status 408 (the upload is incomplete), 503
    (the request still waits) or 504 (the network runs)."""
    pad_multiple: int | None = None
    """Pad heights and widths to multiples of this number, as in `jaxseg predict`. With
    larger numbers, images of similar sizes share batches and compiled programs."""
    max_programs: int = 64
    """Largest number of compiled programs in memory. Each combination of image size,
    batch size and options needs its own. When there would be more, all are removed."""
    warm_up: tuple[tuple[int, int], ...] = ()
    """Heights and widths for which programs are compiled at the start, such as 360 480
    720 960. The default is the size of the crops in training."""

    def check(self) -> None:
        """Raises ValueError if an option of the service is out of its bounds."""
        check_bounds(self, BOUNDS)
        for height, width in self.warm_up:
            if height * width > self.max_pixels:
                raise ValueError(
                    f"warm_up=({height}, {width}) is invalid: expected at most "
                    f"max_pixels={self.max_pixels} pixels. Choose a smaller size, or "
                    f"pass --max-pixels {height * width}."
                )


BOUNDS = {
    "host": text(),
    "port": whole(0, 65_535),
    "max_batch": whole(1, 1_024),
    "max_wait_ms": number(0, 60_000),
    "max_queue": whole(1, 100_000),
    "max_bytes": whole(1_024, 2**40),
    "max_pixels": whole(1, 2**40),
    "max_crf_pixels": whole(0, 2**40),
    "max_cut_pixels": whole(0, 2**40),
    "timeout": number(above=0, high=86_400),
    "pad_multiple": optional(whole(1, 65_536)),
    "max_programs": whole(1, 100_000),
    "warm_up": each(whole(1, 65_536)),
}
