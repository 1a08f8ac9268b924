"""Makes a page on which a reader chooses atrous rates and sees their effect at once.

The page is one file without references to others. Its script computes what
`jaxseg.analysis` computes; a test compares both.
"""

from __future__ import annotations

import importlib.resources

from jaxseg.viz import page

_KERNELS = (2, 3, 5, 7)


def explorer_page(rates: str = "1,2,5", *, kernel: int = 3, size: int = 65) -> str:
    """Returns an HTML page that shows coverage, path counts and frequency response.

    The reader can change the rates, also separately for rows and columns, and whether
    the layers follow each other or are added, as in ASPP.

    Args:
      rates: The rates at the start, such as "1,2,5".
      kernel: The kernel size at the start.
      size: The side of the square feature map at the start, in cells.
    """
    folder = importlib.resources.files("jaxseg.lab") / "templates"
    kernels = sorted({*_KERNELS, kernel})
    return page.render(
        folder,
        "explorer.html",
        rates=rates,
        kernel=kernel,
        kernels=kernels,
        size=size,
    )
