"""The masks of the attention, and the logits of the pixels, against loops."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.heads.mask2former import attended_pixels, semantic_logits


def test_a_query_reads_its_mask_or_everything():
    masks = np.full((1, 4, 4, 3), -5.0, np.float32)
    masks[0, :2, :2, 0] = 5
    masks[0, 2:, :, 1] = 5
    got = attended_pixels(masks, (2, 2))
    expected = [[1, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]
    np.testing.assert_array_equal(got[0], np.array(expected, bool))
    slope = jax.grad(lambda x: attended_pixels(x, (2, 2)).astype(jnp.float32).sum())
    np.testing.assert_array_equal(slope(masks), 0)


def test_logits_of_pixels_are_the_logarithm_of_the_scores():
    random = np.random.default_rng(0)
    classes = random.normal(size=(1, 3, 5)).astype(np.float32)
    masks = random.normal(size=(1, 2, 2, 3)).astype(np.float32)
    odds = np.exp(classes) / np.exp(classes).sum(-1, keepdims=True)
    scores = np.zeros((1, 2, 2, 4))
    for i, j, query, k in np.ndindex(2, 2, 3, 4):
        inside = 1 / (1 + np.exp(-masks[0, i, j, query]))
        scores[0, i, j, k] += odds[0, query, k] * inside
    got = semantic_logits(classes, masks)
    np.testing.assert_allclose(got, np.log(scores), rtol=1e-5, atol=1e-5)
    share = scores / scores.sum(-1, keepdims=True)
    np.testing.assert_allclose(jax.nn.softmax(got), share, rtol=1e-5)
    nothing = semantic_logits(classes, np.full_like(masks, -1e9))
    assert np.isfinite(nothing).all()
