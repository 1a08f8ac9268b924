"""Maps on a logarithmic scale: the colors are those of the numbers."""

import io

import numpy as np
from PIL import Image

from jaxseg.viz.canvas import viridis
from jaxseg.viz.log_maps import LEFT, SIDE, TOP, LogMap, log_maps_png


def test_colors_are_the_decades_below_the_largest_number():
    values = np.array([[5.0, 5e-3], [5e-9, 0.0]])
    drawn = LogMap(values, "Title", x="column [pixel]", y="row [pixel]")
    content = log_maps_png([drawn, drawn])
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert content == log_maps_png([drawn, drawn])
    cell = SIDE // 2
    found = picture[TOP + cell // 2 :: cell, LEFT + cell // 2 :: cell][:2, :2]
    np.testing.assert_array_equal(found, viridis(np.array([[1, 0.5], [0, 0]])))


def test_large_maps_are_averaged():
    values = np.ones((2 * SIDE, SIDE))
    values[:, ::2] = 1e-3
    drawn = LogMap(values, "Title", x="x", y="y", extent=(-1, 1, 0, 1))
    picture = np.asarray(Image.open(io.BytesIO(log_maps_png([drawn]))))
    part = picture[TOP + 5 : TOP + SIDE - 5, LEFT + 5 : LEFT + SIDE // 2 - 5]
    expected = viridis(np.array(1.0))  # All averages are equal, so they are largest.
    assert (part == expected).all()
