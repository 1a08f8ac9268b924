"""Converts predictions of a network to the classes of one of its datasets.

A network that was trained on several datasets predicts the classes of their union. The
probability of a class of a dataset is the sum of the probabilities of the union
classes to which the class map assigns it. The predicted class is the most probable
class of the dataset. Union classes that the dataset does not have are ignored.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.data.spec import DatasetSpec
from jaxseg.text import near
from jaxseg.typing import Array

if TYPE_CHECKING:
    from jaxseg.data.mix.union import Union


def summed(probabilities: Array, sums: np.ndarray) -> jax.Array:
    """Converts probabilities of union classes to those of the classes of a dataset.

    The union contains the classes of all datasets that the network was trained on. The
    probability of a dataset class is the sum over the union classes that belong to it.

    Args:
      probabilities: The probabilities of the union classes, float32 [..., K].
      sums: A matrix, float32 [K, J], whose entry [k, j] is 1 if union class k belongs
        to class j, else 0.

    Returns:
      The probabilities of the dataset classes, float32 [..., J].
    """
    return jnp.einsum(
        "...k,kj->...j", probabilities, sums, precision=jax.lax.Precision.HIGHEST
    )


def scored_classes(probabilities: Array, dataset: Array, union: Union) -> jax.Array:
    """Predicts for each pixel one of the scored classes of the example's dataset.

    Each example is from one of the datasets that the network was trained on. The union
    classes are the classes of all these datasets together. A scored class is a class of
    one dataset, or a group of its classes that the network does not distinguish. Its
    probability is the sum over the union classes that belong to it.

    Args:
      probabilities: The probabilities of the union classes, float32 [B, H, W, K].
      dataset: The index of the dataset of each example, int32 [B].
      union: The classes of the union and of each dataset.

    Returns:
      The indices of the scored classes, int32 [B, H, W]. The scored classes of all
      datasets are numbered one after the other.
    """
    owned = jnp.asarray(union.owners)[None, :] == dataset[:, None]
    totals = summed(probabilities, union.sums)
    return jnp.where(owned[:, None, None, :], totals, -1.0).argmax(-1)


def member_spec(spec: DatasetSpec, name: str) -> DatasetSpec:
    """Returns the specification of one of several datasets, with its scored classes.

    A scored class is a class of the dataset, or a group of its classes that the network
    does not distinguish.

    Args:
      spec: The specification of the datasets on which one network is trained.
      name: The name of the dataset.

    Raises:
      ValueError: If there is no such dataset.
    """
    names = [member.name for member in spec.members]
    if name not in names:
        if not names:
            raise ValueError(
                f"dataset={name!r} is invalid: expected None, because the network was "
                f"trained on the single dataset {spec.name!r}."
            )
        raise ValueError(f"dataset={name!r} is invalid{near(name, names)}")
    member = spec.members[names.index(name)]
    return dataclasses.replace(
        spec,
        name=name,
        classes=member.scored,
        palette=member.scored_palette,
        origin=f"the classes of {name!r}",
        members=(),
    )


def member_sums(spec: DatasetSpec, name: str) -> np.ndarray:
    """Returns the matrix that says which union classes form each class of a dataset.

    The union contains the classes of all datasets that the network was trained on.

    Args:
      spec: The specification of the datasets on which one network is trained.
      name: The name of the dataset.

    Returns:
      The argument `sums` of `summed`, float32 [K, S], for K union classes and S classes
      of the dataset. Entry [k, s] is 1 if union class k belongs to class s, else 0.
    """
    index = spec.union.member(name)
    return spec.union.sums[:, spec.union.blocks[index]]
