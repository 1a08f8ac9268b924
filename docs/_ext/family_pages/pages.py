"""Lists the pages of all families and says which networks are on which page."""

import functools
from collections.abc import Callable

from family_pages import (
    atrous,
    context,
    dilated,
    encoder_decoder,
    feature_pyramids,
    generative,
    transformers,
)
from family_pages.record import Page
from jaxseg.models import FAMILIES, MODELS

PAGES: dict[str, Page] = {
    **encoder_decoder.PAGES,
    **atrous.PAGES,
    **dilated.PAGES,
    **context.PAGES,
    **transformers.PAGES,
    **feature_pyramids.PAGES,
    **generative.PAGES,
}
GROUPS = (
    ("Encoders with decoders", tuple(encoder_decoder.PAGES)),
    ("Atrous convolution and pyramids", (*atrous.PAGES, *dilated.PAGES)),
    ("Context: resolution, regions, attention, graphs", tuple(context.PAGES)),
    ("Transformers", tuple(transformers.PAGES)),
    ("Feature pyramids", tuple(feature_pyramids.PAGES)),
    ("Generated images, distributions, point clouds", tuple(generative.PAGES)),
)


def presets(page: Page) -> list[str]:
    """Returns the names of `jaxseg.list_models()` whose networks a page describes."""
    return sorted(name for name in MODELS if module_of(MODELS[name]) in page.modules)


def families(page: Page) -> list[str]:
    """Returns the names of `FAMILIES` whose heads a page describes."""
    return sorted(
        name
        for name, family in FAMILIES.items()
        if module_of(family.compose) in page.modules
    )


def module_of(factory: Callable) -> str:
    """Returns the file in `jaxseg/models`, without ".py", that defines a factory."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory.__module__.rpartition(".")[2]
