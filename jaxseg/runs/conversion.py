"""Converts weights of other libraries to a run directory."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from jaxseg import weights
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config
from jaxseg.data.spec import DatasetSpec, generated_palette, placeholder_classes
from jaxseg.runs.directory import (
    CHECKPOINTS,
    DATASET,
    build_model,
    read_spec,
    write_run,
)
from jaxseg.runs.image_input import (
    Stated,
    for_channels,
    for_rgb,
    rgb_variables,
    stated_input,
)
from jaxseg.runs.published_weights import entry_of, with_entry
from jaxseg.runs.recognition import Recognized, recognize
from jaxseg.runs.serialize import to_dict
from jaxseg.runs.wanted import Wanted
from jaxseg.storage import atomic
from jaxseg.weights import verify
from jaxseg.weights.formats import files
from jaxseg.weights.loading import Imported, Taking
from jaxseg.weights.translate import model_card as cards


@dataclasses.dataclass(frozen=True)
class Conversion:
    """Contains converted weights that have not been written to a file.

    Attributes:
      address: The file, the run directory, the `hf://` address or the name of published
        weights that the user has given.
      path: The file or folder on this machine.
      network: The network into which the weights were imported.
      imported: The imported variables, and the report on the import.
    """

    address: str
    path: str
    network: Recognized
    imported: Imported

    @property
    def report(self) -> weights.ConversionReport:
        """Returns the report on the import, with the network options.

        It lists the options that the checkpoint states and those that were assumed.
        """
        stated = tuple(
            f"{name}={value!r}" for name, value in self.network.told.options.items()
        )
        if stated:
            stated = (*stated, f"by {self.network.told.place}")
        return dataclasses.replace(
            self.imported.report,
            stated=stated,
            assumed=self.network.assumed,
        )


def convert(
    address: str, wanted: Wanted, taking: Taking, *, digest: bool = True
) -> Conversion:
    """Returns the weights of a checkpoint, imported into the network that they fit.

    Args:
      address: A file, a run directory, an `hf://` address or a name of published
        weights.
      wanted: The settings of the user. All others follow from the checkpoint.
      taking: The import options, such as patterns of parameters that may be missing
        from the file or unused by the network.
      digest: Whether to compare the weights of a run with the digest stored with them.

    Raises:
      ValueError: If the file cannot be read, or if no network fits the weights.
    """
    path = files.local(address)
    wanted = with_entry(wanted, address, path)
    tree = files.read(path, verify=digest)
    network = recognize(tree, path=path, address=address, wanted=wanted)
    taking = dataclasses.replace(
        taking, part=wanted.part, channels=network.channels, entry=wanted.entry
    )
    model = build_model(network.config, network.num_classes)
    imported = weights.read_into(tree, model, **vars(taking))
    return Conversion(address, path=path, network=network, imported=imported)


def compare(conversion: Conversion) -> float:
    """Compares the logits of the converted network with those of the original network.

    The library that the weights come from computes the logits of the original network.

    Returns:
      The largest difference, relative to the largest logit.

    Raises:
      ValueError: If the weights come from jaxseg, if the library is not installed, or
        if the converted network differs from that of the library.
    """
    network, imported = conversion.network, conversion.imported
    source = imported.source
    if source is None:
        raise ValueError(
            "--verify is invalid: expected weights of another library, found jaxseg "
            "weights. Leave --verify out."
        )
    model = build_model(network.config, network.num_classes)
    forward = jax.jit(
        lambda image: model.apply(imported.variables, image, train=False)["logits"]
    )
    chosen = network.config.model
    if imported.report.adapted:
        raise ValueError(
            f"--verify is invalid with --channels {network.channels}: expected the "
            "original number of channels, because the first convolution was changed. "
            "Leave --channels out."
        )
    if imported.report.fresh:
        raise ValueError(
            "--verify is invalid: expected weights for the whole network, but parts "
            "of it are initialized at random. Leave --component and --allow-missing "
            "out."
        )
    return verify.difference(
        source,
        network=source.network(chosen.name, chosen.options, chosen.backbone),
        state_dict=imported.found.state,
        apply=forward,
        num_classes=network.num_classes,
        options=chosen.options,
        channels=network.channels,
    )


def write_directory(
    conversion: Conversion, card: weights.Card, output: pathlib.Path
) -> None:
    """Writes converted weights to a run directory.

    The directory also gets a configuration, the list of classes and a model card.
    """
    spec = dataset_spec(conversion, card)
    variables = jax.tree.map(np.asarray, run_variables(conversion))
    with atomic.building(output) as folder:
        write_run(folder, _without_average(conversion.network.config), spec)
        with Checkpoints(folder / CHECKPOINTS) as checkpoints:
            state = {"batch_stats": {}} | variables
            checkpoints.save(0, state, meta={"source": card.source})
        card.write(folder)


def run_variables(conversion: Conversion) -> Any:
    """Returns the converted variables for a network that takes RGB images.

    If the original network takes BGR images, its first convolution is changed.

    Raises:
        ValueError: If the variables are for BGR images and cannot be converted.
    """
    imported, order = conversion.imported, expected_input(conversion)[0].order
    return rgb_variables(
        imported.variables,
        order,
        conversion.network.channels,
        adapted=bool(imported.report.adapted),
    )


def expected_input(conversion: Conversion) -> Stated:
    """Returns a pair: the image normalization that the weights expect, and notes.

    The notes are texts for the user, such as that the normalization is assumed.
    """
    own = _own_run(conversion)
    imported = conversion.imported
    return stated_input(
        imported.source,
        imported.beside,
        address=conversion.address,
        path=conversion.path,
        own=own,
    )


def _rgb_input(conversion: Conversion) -> Stated:
    """Returns the normalization of the run's channels, and notes about it."""
    stated, texts = expected_input(conversion)
    adapted, more = for_channels(for_rgb(stated), conversion.network.channels)
    return adapted, (*texts, *more)


def _without_average(config: Config) -> Config:
    """Returns a configuration without a moving average of the parameters."""
    return dataclasses.replace(
        config, train=dataclasses.replace(config.train, ema=None)
    )


def dataset_spec(conversion: Conversion, card: weights.Card) -> DatasetSpec:
    """Returns a dataset specification for converted weights, with their normalization.

    Args:
      conversion: The converted weights.
      card: Their model card, which `model_card` returns.
    """
    own = _own_spec(conversion)
    kept = own is not None and own.num_classes == card.num_classes
    return dataclasses.replace(
        own or DatasetSpec(card.library, placeholder_classes(1), generated_palette(1)),
        labels=own.labels if kept else (),
        classes=card.classes or placeholder_classes(card.num_classes),
        palette=card.palette or generated_palette(card.num_classes),
        mean=card.normalization.mean,
        std=card.normalization.std,
    )


def _own_run(conversion: Conversion) -> pathlib.Path | None:
    """Returns the run directory that the weights were read from, or None."""
    path = pathlib.Path(conversion.path).absolute()
    places = (path, path.parent, path.parent.parent)
    found = (place for place in places if (place / DATASET).is_file())
    return next(found, None) if conversion.imported.source is None else None


def _own_spec(conversion: Conversion) -> DatasetSpec | None:
    folder = _own_run(conversion)
    return None if folder is None else read_spec(folder)


def model_card(conversion: Conversion) -> weights.Card:
    """Returns the model card, which tells users how to use the converted weights."""
    network, imported = conversion.network, conversion.imported
    source = imported.source
    library = source.library if source else "jaxseg"
    entry = entry_of(conversion.address, conversion.path)
    classes, palette = _classes(conversion)
    assumed = (f"assumed: {text}" for text in network.assumed)
    return weights.Card(
        model=network.config.model.name,
        num_classes=network.num_classes,
        options=to_dict(network.config)["model"]["options"],
        source=conversion.address,
        sha256=cards.sha256(conversion.path),
        library=library,
        license=entry.license if entry else cards.license(library),
        normalization=_rgb_input(conversion)[0],
        classes=classes,
        palette=palette,
        note="; ".join((*notes(conversion), *assumed)),
    )


def notes(conversion: Conversion) -> tuple[str, ...]:
    """Returns sentences that are printed for the user after the import report."""
    network, named = conversion.network, _class_names(conversion)[0]
    texts = list(_rgb_input(conversion)[1])
    if named and len(named) != network.num_classes:
        texts.append(
            f"the source has {len(named)} class names but {network.num_classes} "
            "classes: dataset.json calls them class 0, class 1, ..."
        )
    return tuple(texts)


def _classes(conversion: Conversion) -> tuple[tuple[str, ...], tuple]:
    """Returns class names and colors if there is one for each class."""
    names, palette = _class_names(conversion)
    fits = len(names) == conversion.network.num_classes
    return (names, palette) if fits else ((), ())


def _class_names(conversion: Conversion) -> tuple[tuple[str, ...], tuple]:
    own = _own_spec(conversion)
    if own is not None:
        return own.classes, own.palette
    names, palette = cards.classes(conversion.imported.beside)
    source = conversion.imported.source
    entry = entry_of(conversion.address, conversion.path)
    if not names and entry is not None and entry.classes:
        return entry.classes, ()
    if not names and source is not None:
        return source.classes, ()
    return names, palette
