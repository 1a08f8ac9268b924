"""The colors of numbers in pictures that Pillow draws."""

import numpy as np

from jaxseg.viz.canvas import viridis

DARK, BRIGHT = (68, 1, 84), (253, 231, 37)


def test_viridis_runs_from_dark_to_bright():
    assert viridis(np.array([0.0, 1.0])).tolist() == [list(DARK), list(BRIGHT)]
    brightness = viridis(np.linspace(0, 1, 50)).astype(int) @ [2, 7, 1]
    assert (np.diff(brightness) > 0).all()
    assert viridis(np.array([np.nan])).tolist() == [[128, 128, 128]]
