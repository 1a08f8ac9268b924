"""Makes an HTML page on which readers choose atrous rates and see their effect at once.

The page needs no other file and no server. Its script contains its own version of the
formulas in `jaxseg.analysis`. A test checks that both give equal results.
"""

from __future__ import annotations

import importlib.resources

from jaxseg.viz import page

_KERNELS = (2, 3, 5, 7)  # The usual sizes; the page adds the kernel that was asked for.


def explorer_page(
    rates: str = "1,2,5", columns: str = "", *, kernel: int = 3, size: int = 65
) -> str:
    """Returns an HTML page that shows how atrous convolutions read a feature map.

    The page shows three properties: the fraction of the receptive field that is read
    (coverage), the number of paths from each cell to an output (path counts) and the
    frequency response. The reader can change the rates, together or separately for rows
    and columns, and can choose whether the layers follow each other or are parallel and
    added up, as in ASPP.

    Args:
      rates: The initial rates, such as "1,2,5".
      columns: The initial rates along the columns. "" stands for the rates in `rates`.
      kernel: The initial kernel size.
      size: The initial side of the square feature map, in cells.
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
