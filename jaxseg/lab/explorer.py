"""Makes an HTML page on which readers choose atrous rates and see their effect at once.

The page needs no other file and no server. Its script contains its own version of the
formulas in `jaxseg.analysis`. A test checks that both give equal results.
"""

from __future__ import annotations

import importlib.resources

from jaxseg.viz import page

_KERNELS = (2, 3, 5, 7)


def explorer_page(
    rates: str = "1,2,5", columns: str = "", *, kernel: int = 3, size: int = 65
) -> str:
    """Returns an HTML page that shows how atrous convolutions read a feature map.

    The page shows three properties: the fraction of the receptive field that is read
    (coverage), the number of paths from each cell to an output (path counts) and the
    frequency response. The reader can change the rates, also separately for rows and
    columns, and choose whether the layers follow each other or are added, as in ASPP.

    Args:
      rates: The rates at the start, such as "1,2,5".
      columns: The rates along the columns at the start; "" takes those of the rows.
      kernel: The kernel size at the start.
      size: The side of the square feature map at the start, in cells.
    """
    folder = importlib.resources.files("jaxseg.lab") / "templates"
    kernels = sorted({*_KERNELS, kernel})
    return page.render(
        folder,
        "explorer.html",
        rates=rates,
        columns=columns,
        kernel=kernel,
        kernels=kernels,
        size=size,
    )
