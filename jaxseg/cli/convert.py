"""`jaxseg convert`: weights of other libraries in, and out again under their names.

Without torch. A directory as output is a work directory that `predict` and `eval` take;
a file holds the arrays alone: `.safetensors` and `.npz` under our names, or with
`--names` (and always for `.pth`) under those of PyTorch.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Mapping
from typing import Annotated

import jax
import numpy as np
import tyro

from jaxseg import weights
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.arguments import parsed
from jaxseg.config import Config, ModelConfig
from jaxseg.data.spec import DatasetSpec, generated_palette
from jaxseg.models import MODELS
from jaxseg.runs.checks import check_options
from jaxseg.runs.config_file import overridden, take_options
from jaxseg.runs.directory import (
    CHECKPOINTS,
    CONFIG,
    build_model,
    read_config,
    read_spec,
    write_run,
)
from jaxseg.runs.rules import optional, text, whole
from jaxseg.runs.serialize import near, to_dict
from jaxseg.storage import atomic
from jaxseg.weights import verify
from jaxseg.weights.catalog.detection import part_of
from jaxseg.weights.catalog.mmseg_config import stated_options
from jaxseg.weights.catalog.sources import read_table
from jaxseg.weights.formats import files
from jaxseg.weights.loading import Imported, model_shapes
from jaxseg.weights.translate import model_card as cards
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.num_classes import count_classes
from jaxseg.weights.translate.refused import Refused
from jaxseg.weights.translate.state_dict import StateDict, unwrap

BOUNDS = {
    "source": text(),
    "output": text(),
    "num_classes": optional(whole(1, 65_535)),
    "part": optional(text()),
    "channels": whole(1, 1_024),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Convert weights: SOURCE -o OUTPUT --model NAME.

    Options of the network: --model.options.output_stride 16.
    """

    source: tyro.conf.Positional[str]
    """.pth, .pt, .safetensors, .npz, an Orbax or work directory, or hf://org/name/file."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """A new directory, or a file .safetensors, .npz, .pth."""
    model: str = ""
    """A name of `jaxseg models`; default: the network that fits the source."""
    num_classes: int | None = None
    """Default: as many as the source has."""
    part: str | None = None
    """Take this part alone (backbone); the rest starts fresh."""
    allow_missing: tuple[str, ...] = ()
    """Patterns of the model's parameters that may start fresh, such as 'head/*'."""
    allow_unused: tuple[str, ...] = ()
    """Patterns of the source's keys that may be left out."""
    entry: str = ""
    """Entry of the file that holds the weights, or their prefix, such as model_ema."""
    channels: int = 3
    """Channels of the image; first convolutions are fitted."""
    names: str = ""
    """Table whose PyTorch names the output takes, such as torchvision_resnet."""
    digest: bool = True
    """Compare the weights of a run with the digest that was saved with them."""
    verify: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also run the source's own library, if installed, and compare the logits."""


def main(argv: list[str]) -> int:
    """Converts, prints the report; the exit status is 0."""
    try:
        return _convert(argv)
    except Refused as error:
        raise ValueError(error.on_command_line()) from error


def _convert(argv: list[str]) -> int:
    given, rest = take_options(argv)
    options = parsed(Options, rest, prog="jaxseg convert", bounds=BOUNDS)
    output = pathlib.Path(options.output)
    _check_output(output)
    path = files.local(options.source)
    tree = files.read(path, verify=options.digest)
    config, num_classes = _choose(options, given, path, tree)
    model = build_model(config, num_classes)
    imported = weights.read_into(
        tree,
        model,
        part=options.part,
        allow_missing=options.allow_missing,
        allow_unused=options.allow_unused,
        channels=options.channels,
        entry=options.entry,
    )
    report = imported.report
    if options.verify:
        measured = _verify(config, model, num_classes, tree, imported)
        report = dataclasses.replace(report, difference=measured)
    print(f"model       {config.model.name}, {num_classes} classes\n{report}")
    atomic.sweep(output.absolute().parent)
    if output.suffix:
        _write_file(output, options, imported)
    else:
        card = _card(options, path, config, num_classes, imported)
        _write_run(output, config, card, imported.variables)
        if card.note:
            print(f"note        {card.note}", file=sys.stderr)
    print(f"written     {output}")
    return 0


def _check_output(output: pathlib.Path) -> None:
    """Raises before the work: an existing directory, a suffix without a writer."""
    if not output.suffix and output.exists() and any(output.iterdir()):
        raise ValueError(f"output {str(output)!r} is not empty")
    if output.suffix and output.suffix not in files.WRITERS:
        allowed = ", ".join(files.WRITERS)
        raise ValueError(
            f"output {str(output)!r}: allowed are a directory or a file {allowed}"
        )


def _choose(options: Options, given: Mapping, path: str, tree) -> tuple[Config, int]:
    """(configuration, number of classes) as asked for, or as the source tells."""
    base, num_classes = Config(model=ModelConfig(options.model)), options.num_classes
    if (pathlib.Path(path) / CONFIG).is_file() and not options.model:
        base = read_config(path)
        num_classes = num_classes or read_spec(path).num_classes
    elif not _is_ours(tree):
        base = _as_source(options.model, given, path, _found(options, tree, path))
    if not base.model.name:
        raise ValueError(f"{path} does not tell its network; --model NAME is needed")
    config = overridden(base, given)
    check_options(config, given)
    if num_classes is None:
        num_classes = _count(options, config, path, tree)
    return config, num_classes


def _is_ours(tree) -> bool:
    """Whether a tree holds variables under our names."""
    first = next(iter(tree), "") if isinstance(tree, Mapping) else ""
    return str(first).partition("/")[0] in ("params", "batch_stats")


def _found(options: Options, tree, path: str) -> StateDict:
    return unwrap(tree, path, entry=options.entry, recognize=part_of)


def _as_source(name: str, given: Mapping, path: str, found: StateDict) -> Config:
    """The network that a foreign state dict fits, with the library's options."""
    state, beside = found.state, found.beside
    source = weights.detect(state)
    if name:
        return _config(source.network(name), state, beside)
    known = [network for network in source.networks if network.name in MODELS]
    if not known:
        raise ValueError(
            f"{path} is {source.library} {source.name}; --model must name a network"
            f"{near(source.name, sorted(MODELS))}"
        )
    for network in known:
        config = _config(network, state, beside)
        if _fits(state, source.rules(), overridden(config, given)):
            return config
    names = ", ".join(network.name for network in known)
    raise ValueError(
        f"{path} is {source.library} {source.name}, but of none of the forms {names}; "
        "--model NAME (and --model.options...) shows what does not fit"
    )


def _config(network: weights.Network, state: Mapping, beside: Mapping) -> Config:
    options = network.options_for(state) | stated_options(beside, network)
    return Config(model=ModelConfig(network.name, options))


def _fits(state, rules, config: Config) -> bool:
    """Whether every tensor of the source has its place (auxiliary heads may lack)."""
    try:
        count = count_classes(state, rules, *_two_shapes(config, 3))
        shapes = model_shapes(build_model(config, count))
        weights.convert(state, rules, shapes, allow_missing=("aux*",))
    except ValueError:
        return False
    return True


def _two_shapes(config: Config, channels: int) -> list:
    return [model_shapes(build_model(config, n), channels) for n in (2, 3)]


def _count(options: Options, config: Config, path: str, tree) -> int:
    """The number of classes of the source."""
    if _is_ours(tree):
        state = flatten(tree) if "params" in tree else tree
        rules = tuple((key, key, "identity") for key in state)
    else:
        state = _found(options, tree, path).state
        source = weights.detect(state)
        if source.part == "backbone":
            raise ValueError(f"{path} has no classes; --num-classes is needed")
        rules = source.rules()
    return count_classes(state, rules, *_two_shapes(config, options.channels))


def _verify(config, model, num_classes, tree, imported: Imported) -> float:
    if imported.source is None:
        raise ValueError("--verify compares with another library; the source is ours")
    state = imported.found.state
    forward = jax.jit(
        lambda image: model.apply(imported.variables, image, train=False)["logits"]
    )
    network = imported.source.network(config.model.name, config.model.options)
    return verify.difference(
        imported.source,
        network,
        state,
        forward,
        num_classes=num_classes,
        options=config.model.options,
    )


def _write_file(output: pathlib.Path, options: Options, imported: Imported) -> None:
    """Arrays under our names, or under PyTorch's."""
    if options.names or output.suffix in (".pth", ".pt"):
        arrays = weights.to_torch(imported.variables, _table(options, imported))
    else:
        arrays = {k: np.asarray(v) for k, v in flatten(imported.variables).items()}
    weights.write(output, arrays)


def _table(options: Options, imported: Imported) -> weights.Rules:
    """The table named on the command line, or that of the source."""
    if options.names:
        try:
            return read_table(options.names)
        except (ImportError, AttributeError) as error:
            known = sorted({source.table for source in weights.SOURCES})
            close = near(options.names.partition(":")[0], known)
            raise ValueError(f"names {options.names!r}{close}") from error
    if imported.source is None:
        raise ValueError("PyTorch names need --names, such as torchvision_resnet")
    return imported.source.rules()


def _write_run(output, config: Config, card: weights.Card, variables) -> None:
    """A work directory: configuration, classes, card and the weights as step 0."""
    spec = DatasetSpec(
        card.library,
        card.classes or tuple(f"class {k}" for k in range(card.num_classes)),
        card.palette or generated_palette(card.num_classes),
        mean=card.normalization.mean,
        std=card.normalization.std,
    )
    state = {"batch_stats": {}} | jax.tree.map(np.asarray, variables)
    with atomic.building(output) as folder:
        write_run(folder, config, spec)
        with Checkpoints(folder / CHECKPOINTS) as checkpoints:
            checkpoints.save(0, state, meta={"source": card.source})
        card.write(folder)


def _card(
    options: Options, path: str, config: Config, num_classes: int, imported: Imported
) -> weights.Card:
    source = imported.source
    library = source.library if source else "jaxseg"
    normalization, note = weights.Normalization(), ""
    if source is not None:
        normalization, note = source.normalization_of(options.source)
        note = "; ".join(text for text in (note, source.caution) if text)
    classes, palette = cards.classes(imported.beside)
    if not classes and source is not None:
        classes = source.classes
    if classes and len(classes) != num_classes:
        note = f"{len(classes)} class names for {num_classes} classes are left out"
        print(note, file=sys.stderr)
        classes, palette = (), ()
    return weights.Card(
        model=config.model.name,
        num_classes=num_classes,
        options=to_dict(config)["model"]["options"],
        source=options.source,
        sha256=cards.sha256(path),
        library=library,
        license=cards.license(library),
        normalization=normalization,
        classes=classes,
        palette=palette,
        note=note,
    )
