"""The rows of all families: what each network of `MODELS` must be."""

from tests.contract.rows import (
    atrous,
    context,
    encoder_decoder,
    feature_pyramids,
    generative,
    points,
    transformers,
)

FAMILIES = (
    atrous,
    context,
    encoder_decoder,
    generative,
    points,
    transformers,
    feature_pyramids,
)
ROWS = {name: row for family in FAMILIES for name, row in family.ROWS.items()}
# Networks that have a tiny variant of their own; the others are covered by one of these.
NARROW = sorted(name for name, row in ROWS.items() if "narrow" in row)
SEGMENTING = [name for name in NARROW if "task" not in ROWS[name]]
