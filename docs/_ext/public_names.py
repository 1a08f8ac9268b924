"""Defines which names of jaxseg are public, and fails the build if one has no page.

A name is public if it is in the list of a package of PACKAGES, or if it is defined in a
module of MODULES and does not start with an underscore. Every other module can change
without notice. A package with a list of names, or an operator, head or backbone, that
is in none of these tables is an error as well, so that somebody decides.
"""

import ast
import functools
import importlib
import inspect
import pathlib
import types

from sphinx.util import logging

import jaxseg

LOGGER = logging.getLogger(__name__)
ROOT = pathlib.Path(jaxseg.__file__).parent

PACKAGES = (
    "jaxseg",
    "jaxseg.config",
    "jaxseg.nn",
    "jaxseg.backbones",
    "jaxseg.models",
    "jaxseg.nnx",
    "jaxseg.losses",
    "jaxseg.metrics",
    "jaxseg.metrics.boundary",
    "jaxseg.metrics.calibration",
    "jaxseg.training",
    "jaxseg.data",
    "jaxseg.data.polygons",
    "jaxseg.inference",
    "jaxseg.inference.refinement",
    "jaxseg.weights",
    "jaxseg.analysis",
    "jaxseg.receipts",
    "jaxseg.viz",
)
OPERATORS = (
    *(
        "attention",
        "conv",
        "interpolated",
        "kernels",
        "logit_scaling",
        "lrn",
        "output_form",
        "points",
    ),
    *("pool", "preprocess", "propagate", "rescale", "resize", "sampling", "shuffle"),
    "transposed",
    "unpool",
)
BACKBONES = (
    *("alexnet", "convnext", "deeplab_vgg", "densenet", "drn", "efficientnet"),
    *("dinov2", "dinov3", "googlenet", "hdc", "hrnet"),
    *("mit", "mobilenet", "multilevel", "resnet", "resnet_variant", "se_resnet"),
    "swin",
    *("vgg", "vit"),
    *("wide_resnet38", "xception", "xception39"),
)
HEADS = (
    *("aspp", "cascade", "classifier", "dense_aspp", "dpt", "dual_attention"),
    "duc",
    *("encoding", "fcn", "graph", "high_resolution", "largefov", "lraspp"),
    *("mask2former", "non_local", "ocr", "pixel_decoder", "presence", "pyramid"),
    *("refinenet", "segformer"),
    *("semantic_fpn", "setr"),
    *("linear", "unet", "unet_block", "unet_plus_plus", "upernet"),
)
MODULES = (
    "jaxseg.typing",
    *(f"jaxseg.ops.{name}" for name in OPERATORS),
    *(f"jaxseg.backbones.{name}" for name in BACKBONES),
    *(f"jaxseg.heads.{name}" for name in HEADS),
    "jaxseg.data.datasets.record",
    "jaxseg.data.labels",
    "jaxseg.data.layouts",
    "jaxseg.data.mix.class_map",
    "jaxseg.data.parts",
    "jaxseg.inference.batch_norm_fusion",
    "jaxseg.inference.grabcut",
    "jaxseg.inference.graphcut",
    "jaxseg.metrics.bootstrap",
    "jaxseg.metrics.ged",
    "jaxseg.metrics.rand",
    "jaxseg.metrics.seeds",
    "jaxseg.report.writing",
    "jaxseg.serve.options",
    "jaxseg.training.devices.mesh",
)
INTERNAL_OPERATORS = (
    *(
        "batch_norm",
        "bicubic",
        "bilinear",
        "bins",
        "channel_stack",
        "gradient_norm",
        "graph",
        "neighbors",
    ),
    *("open_pool", "open_size", "residual", "rotary", "upsample_conv"),
    "tokens",
    "windows",
)
INTERNAL = (
    "jaxseg.data.datasets",
    "jaxseg.viz.charts",
    *(f"jaxseg.ops.{name}" for name in INTERNAL_OPERATORS),
    *(f"jaxseg.backbones.{name}" for name in ("backbone", "catalog", "stride")),
)
DECIDED_BY_MODULE = ("ops", "heads", "backbones")


def public_list(package: str) -> list[str]:
    """The names that a package exports: `__all__`, or its imports `X as X`."""
    module = importlib.import_module(package)
    if hasattr(module, "__all__"):
        return sorted(set(module.__all__) - {"__version__"})
    tree = ast.parse(pathlib.Path(module.__file__).read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return sorted(
        name.name
        for node in imports
        for name in node.names
        if name.asname is not None and name.asname == name.name
    )


def defined_names(name: str) -> list[str]:
    """The public functions and classes that a module itself defines."""
    module = importlib.import_module(name)
    return sorted(
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or isinstance(value, types.FunctionType))
        and value.__module__ == name
    )


@functools.cache
def public_names() -> dict[str, object]:
    """Every public name, in the order of the tables, with its value.

    A name of a module is left out if a package above it has the same object.
    """
    found, seen = {}, set()
    for package in PACKAGES:
        for name in public_list(package):
            value = getattr(importlib.import_module(package), name)
            found[f"{package}.{name}"] = value
            seen.add(id(value))
    for module in MODULES:
        for name in defined_names(module):
            value = getattr(importlib.import_module(module), name)
            if id(value) not in seen:
                found[f"{module}.{name}"] = value
    return found


def undecided() -> list[str]:
    """Packages with a list of names, and modules, that are in none of the tables."""
    known = {*PACKAGES, *MODULES, *INTERNAL}
    packages = [
        ".".join(path.relative_to(ROOT.parent).parent.parts)
        for path in sorted(ROOT.rglob("__init__.py"))
    ]
    found = [name for name in packages if name not in known and public_list(name)]
    for folder in DECIDED_BY_MODULE:
        names = (
            f"jaxseg.{folder}.{path.stem}" for path in (ROOT / folder).glob("*.py")
        )
        found += [name for name in names if not name.endswith("__init__")]
    return sorted(set(found) - known)


def check(app, env):
    """Warns of every public name without a page; a warning fails the build."""
    documented = env.domains["py"].objects
    for name in public_names():
        if name not in documented:
            LOGGER.warning(
                "%s is public, but no page of docs/reference documents it. Add it to "
                "an {api} block there.",
                name,
            )
    for name in undecided():
        LOGGER.warning(
            "%s has public names, but docs/_ext/public_names.py does not say whether "
            "they are part of the interface. Add it to PACKAGES, MODULES or INTERNAL.",
            name,
        )


def setup(app):
    """Registers the check."""
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
