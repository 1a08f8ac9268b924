"""Defines the options that choose the network that a tool of `jaxseg lab` studies."""

from __future__ import annotations

import dataclasses

import tyro


@dataclasses.dataclass(frozen=True)
class StudiedNetwork:
    """Contains the options that choose a network and its weights."""

    name: tyro.conf.Positional[str] = ""
    """Name of a network; `jaxseg models` lists all names. Leave it out if --callable
    gives your own network."""
    option: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Option of the network, such as output_stride=8; may be repeated."""
    workdir: str | None = None
    """Run directory. Its checkpoint with the highest mean IoU is analyzed in addition
    to random weights."""
    classes: int = 21
    """Number of classes; ignored if --workdir is given, because the run determines
    it."""
    seed: int = 0
    """Seed of the random weights and inputs."""
    callable: str | None = None
    """Your own network in place of a network of jaxseg, as MODULE:NAME or FILE.py:NAME.
    NAME is a function from images [N, H, W, C] to a map [N, h, w, K], an nnx module, a
    Keras model, a PyTorch network, a pair of functions (init, apply), or a function
    without arguments that returns one of these."""
    channels: int = 3
    """Number of image channels of your own network, which --callable gives."""

    @property
    def title(self) -> str:
        """Returns the name of the network for titles."""
        return self.name if self.callable is None else self.callable


def check_choice(network: StudiedNetwork) -> None:
    """Raises ValueError unless the options choose exactly one network.

    Args:
      network: The options.
    """
    if network.callable is None:
        if not network.name:
            raise ValueError(
                "name='' is invalid: expected the name of a network. `jaxseg models` "
                "lists all names; --callable MODULE:NAME studies your own network."
            )
        return
    given = {
        "name": network.name,
        "option": network.option,
        "workdir": network.workdir,
    }
    for field, value in given.items():
        if value:
            raise ValueError(
                f"{field}={value!r} is invalid together with --callable: expected only "
                f"one of them. Leave out {field} or --callable."
            )
