"""The shapes of a network's variables, which are traced once for equal networks."""

from flax import linen as nn

from jaxseg.weights.model_variables import variable_shapes

traced = []


class Scores(nn.Module):
    """A convolution that records each trace."""

    features: int
    sizes: tuple[int, ...] | list[int] = ()

    @nn.compact
    def __call__(self, image, *, train):
        traced.append(self.features)
        return nn.Conv(self.features, (3, 3), name="conv")(image)


def test_equal_networks_are_traced_once():
    traced.clear()
    first = variable_shapes(Scores(5))
    first["params"].clear()  # The caller owns the dictionaries.
    kernel = variable_shapes(Scores(5))["params"]["conv"]["kernel"]
    assert kernel.shape == (3, 3, 3, 5) and traced == [5]
    other = variable_shapes(Scores(5), channels=4)["params"]["conv"]["kernel"]
    assert other.shape == (3, 3, 4, 5)
    assert variable_shapes(Scores(6))["params"]["conv"]["kernel"].shape[-1] == 6
    assert traced == [5, 5, 6]


def test_networks_that_cannot_be_hashed_are_traced_each_time():
    traced.clear()
    for _ in range(2):
        shapes = variable_shapes(Scores(7, [1]))
        assert shapes["params"]["conv"]["bias"].shape == (7,)
    assert traced == [7, 7]
