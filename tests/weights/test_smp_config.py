"""Every setting in a config.json of segmentation_models.pytorch is read or refused."""

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
    config = {"_model_class": "X", "encoder_name": "y", **config}
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
