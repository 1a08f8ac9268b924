"""Every setting in a config.json of segmentation_models.pytorch is read or refused."""

import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.runs.recognition import recognize
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.catalog.evidence import Evidence
from jaxseg.weights.catalog.maps import smp_unet
from jaxseg.weights.catalog.stated import Stated, assumptions, stated
from tests.weights.test_recognition import shapes_filled, written

CLASSIFIER = "classification_head.3.bias"
NARROW = {"width": 8, "blocks": (1, 1, 1, 1)}


def row(kind, *keys):
    """Returns the first network of a kind of checkpoint with further tensors."""
    library = "segmentation_models_pytorch"
    (source,) = (s for s in weights.SOURCES if (s.name, s.library) == (kind, library))
    return source.networks[0].with_tensors(keys)


def read(kind, *keys, **config):
    encoder = "tu-vit" if kind == "DPT on ViT" else "resnet18"
    config = {"_model_class": "X", "encoder_name": encoder, **config}
    return stated(Evidence(config=config), row(kind, *keys))


HEADS = ("Unet on ResNet", "UnetPlusPlus on ResNet", "PSPNet", "DeepLabV3Plus")


@pytest.mark.parametrize("kind", HEADS)
def test_the_head_that_classifies_images(kind):
    extra = {"classes": 7, "pooling": "max", "dropout": None}
    found = read(kind, CLASSIFIER, aux_params=extra)
    assert found.options == {"presence_pool": "max", "presence_dropout": 0.0}
    assert not read(kind, CLASSIFIER, aux_params={"classes": 7}).options
    assert not read(kind, aux_params=extra).options
    given = ("output_stride", "rates")
    (text,) = assumptions(row(kind, CLASSIFIER), Stated({}), given, ())
    assert text.startswith("presence_pool='avg', presence_dropout=0.2")
    assert "presence_pool max" in text
    assert not assumptions(row(kind), Stated({}), given, ())


@pytest.mark.parametrize(
    ("kind", "config", "options"),
    [
        ("FPN", {"decoder_dropout": 0.4, "upsampling": 4}, {"dropout": 0.4}),
        ("PSPNet", {"psp_dropout": 0.1}, {"dropout": 0.1}),
        ("PSPNet", {"encoder_depth": 4, "upsampling": 16}, {}),
        ("DeepLabV3", {"encoder_output_stride": 16, "upsampling": None}, (16,)),
        ("DeepLabV3", {"encoder_output_stride": 16, "upsampling": 16}, (16,)),
        ("DeepLabV3Plus", {"decoder_atrous_rates": [2, 4, 6]}, {"rates": (2, 4, 6)}),
        ("Unet on ResNet", {"decoder_use_norm": {"type": "batchnorm"}}, {}),
        ("Unet on ResNet", {"decoder_use_batchnorm": True, "activation": None}, {}),
        ("DPT on ViT", {"dynamic_img_size": True}, {}),
    ],
)
def test_what_is_read(kind, config, options):
    options = options or {} if isinstance(options, dict) else {"output_stride": 16}
    found = read(kind, **config)
    assert found.options == options and not found.notes


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Unet on ResNet", {"decoder_interpolation": "bilinear"}),
        ("FPN", {"decoder_interpolation": "bilinear"}),
        ("FPN", {"decoder_merge_policy": "cat"}),
        ("FPN", {"upsampling": 1}),
        ("PSPNet", {"encoder_depth": 4, "upsampling": 8}),
        ("DeepLabV3", {"encoder_output_stride": 8, "upsampling": 16}),
        ("Unet on ResNet", {"decoder_use_norm": "layernorm"}),
        ("Unet on ResNet", {"decoder_use_norm": {"type": "batchnorm", "eps": 1e-3}}),
        ("PSPNet", {"psp_use_batchnorm": "inplace"}),
        ("DPT on ViT", {"encoder_output_indices": [0, 1, 2, 3]}),
        ("DPT on ViT", {"qk_norm": True}),
    ],
)
def test_what_is_refused(kind, config):
    name, value = next(reversed(config.items()))
    with pytest.raises(ValueError) as error:
        read(kind, **config)
    text = str(error.value)
    assert f"{name}={value!r}: expected" in text and "\n" not in text


def test_an_unknown_pooling_is_refused():
    extra = {"classes": 7, "pooling": "sum"}
    with pytest.raises(ValueError, match=r"aux_params\.pooling='sum'"):
        read("PSPNet", CLASSIFIER, aux_params=extra)


def test_activations_are_told():
    """The outputs of jaxseg are logits, so the activation is left out."""
    extra = {"classes": 7, "activation": "sigmoid"}
    found = read("PSPNet", CLASSIFIER, activation="softmax", aux_params=extra)
    first, second = assumptions(row("PSPNet"), found, (), ())
    assert "logits, without activation='softmax'" in first
    assert "aux_params.activation='sigmoid'" in second


@pytest.mark.slow
def test_the_pooling_reaches_the_network(tmp_path):
    more = {"features": (8, 8, 4), "presence": 7}
    model = create_model("unet_resnet18", 2, **NARROW, **more)
    state = weights.to_torch(shapes_filled(model), smp_unet.MAP)
    extra = {"classes": 7, "pooling": "max"}
    config = {"_model_class": "Unet", "encoder_name": "resnet18", "aux_params": extra}
    path = str(written(tmp_path, "model.safetensors", state, config=config))
    wanted = Wanted("unet_resnet18", options={"model": {"options": NARROW}})
    found = recognize(state, path, path, wanted)
    assert found.config.model.options["presence_pool"] == "max" and not found.assumed
    bare = recognize(state, "a.safetensors", "a.safetensors", wanted)
    assert "presence_pool='avg'" in bare.assumed[0]


def filled(tensors):
    """Returns tensors of these shapes, and some of the encoder ResNet-18."""
    stages = {2: (128, 64, 1, 1), 3: (256, 128, 1, 1)}
    tensors |= {
        f"encoder.layer{n}.0.downsample.0.weight": shape for n, shape in stages.items()
    }
    return {key: np.empty(shape) for key, shape in tensors.items()}


ASPP = "decoder.aspp.0.convs.0.0.weight"
POOL, FUSE = "decoder.psp.blocks.0.pool.1.0.weight", "decoder.conv.0.weight"


@pytest.mark.parametrize(
    ("kind", "tensors", "options"),
    [
        ("DeepLabV3Plus", {ASPP: (256, 512, 1, 1)}, {}),
        ("DeepLabV3Plus", {ASPP: (256, 256, 1, 1)}, {"tap": "c4"}),
        (
            *("DeepLabV3Plus", {ASPP: (128, 128, 1, 1)}),
            {"tap": "c3", "features": 128},
        ),
        (
            *("PSPNet", {POOL: (64, 256, 1, 1), FUSE: (48, 512, 1, 1)}),
            {"tap": "c4", "features": 64, "fuse_features": 48},
        ),
        (
            *("PSPNet", {POOL: (128, 512, 1, 1), FUSE: (512, 1024, 1, 1)}),
            {"tap": "c5", "features": 128},
        ),
        ("Segformer", {"decoder.fuse_stage.0.weight": (64, 1)}, {"features": 64}),
        ("UPerNet", {"decoder.fusion_block.0.weight": (64, 1)}, {"features": 64}),
    ],
)
def test_options_that_follow_from_shapes(kind, tensors, options):
    network = row(kind)
    found = network.options_for(filled(tensors))
    assert found | {"decoder_norm": 0} == {
        **dict(network.options),
        **options,
        "decoder_norm": 0,
    }


ENCODERS = {
    "Unet on Mix Transformer": ("encoder.block3.17.norm1.weight", "mit_b3"),
    "Unet on ConvNeXt of timm": ("encoder.model.stages_2.blocks.8.gamma", "convnext_t"),
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_encoders_follow_from_their_depths(kind):
    key, backbone = ENCODERS[kind]
    (source,) = (s for s in weights.SOURCES if s.name == kind)
    assert [n.backbone for n in source.networks if n.fits({key})] == [backbone]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("encoder.features.0.weight", "VGG"),
        ("encoder.features.0.0.weight", "MobileNet v2"),
        ("encoder.model.stem_0.weight", "an encoder of timm"),
    ],
)
def test_unsupported_encoders_are_named(key, name):
    with pytest.raises(ValueError, match=f"Unet on {name}, which is not supported"):
        weights.detect({"decoder.blocks.0.conv1.0.weight", key})
