"""Collects the encoder weights of segmentation_models.pytorch from its settings.

The settings state the repository and the commit of each file. They state neither the
license nor the score. The means and deviations are those of version 0.4.0, the last one
whose settings contain them: for the encoders below, they are ImageNet's.
"""

import re
from collections.abc import Iterator
from functools import partial

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.published.entry import Entry

ENCODERS = (
    (r"resnet(18|34|50|101|152)", r"resnet\1"),
    (r"vgg(16|19)(|_bn)", r"vgg\1\2"),
    (r"mobilenet_v2", "mobilenetv2"),
    (r"(mit_b[0-5])", r"\1"),
)
DATA = {
    "imagenet": "ImageNet-1K",
    "ssl": "YFCC-100M without labels, then ImageNet-1K (semi-supervised)",
    "swsl": "Instagram hashtags, then ImageNet-1K (semi-weakly supervised)",
}


def rows() -> Iterator[Published]:
    """Yields the encoders whose architecture is a backbone of jaxseg."""
    library = pytorch.smp()
    for arch, settings in library.encoders.encoders.items():
        for pattern, target in ENCODERS:
            match = re.fullmatch(pattern, arch)
            for tag, place in settings["pretrained_settings"].items() if match else ():
                repository, revision = place["repo_id"], place["revision"]
                entry = Entry(
                    repository,
                    library="segmentation_models_pytorch",
                    url=f"hf://{repository}@{revision}/model.safetensors",
                    backbone=match.expand(target),
                    license="segmentation_models.pytorch does not state it; the card "
                    "of the repository may",
                    data=DATA[tag],
                )
                build = partial(library.encoders.get_encoder, arch, weights=None)
                yield Published(entry, build)
