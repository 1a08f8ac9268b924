"""Converts models of Keras 3 with the JAX backend into functions of images."""

from __future__ import annotations

from typing import Any

from jaxseg.analysis.foreign.image_function import ImageFunction, from_function


def from_keras(model: Any, *, output: str | None = None) -> ImageFunction:
    """Returns the function of images that a Keras model computes in evaluation.

    The result uses the weights that the model has when `from_keras` is called. If the
    model is trained further, the result does not change.

    Args:
      model: A built `keras.Model` or `keras.Layer` that maps images [N, H, W, C] to a
        map [N, h, w, K].
      output: The key of the map, if the model returns a dictionary, see
        `from_function`.

    Returns:
      A function from images [N, H, W, C] to a map [N, h, w, K].

    Raises:
      ValueError: If Keras does not use the JAX backend, or if the model has no
        weights yet.
    """
    import keras

    if keras.backend.backend() != "jax":
        raise ValueError(
            f"keras backend={keras.backend.backend()!r} is invalid: expected 'jax'. "
            "Set the environment variable KERAS_BACKEND=jax before keras is imported."
        )
    if not model.built:
        raise ValueError(
            f"model={model.name!r} is invalid: expected a model with weights. Call it "
            "on an image first."
        )
    trained = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def call(images):
        outputs, _ = model.stateless_call(trained, others, images, training=False)
        return outputs

    return from_function(call, output=output)
