"""Wrong calls, each of which a type checker must reject in its own line."""

import jax.numpy as jnp

import jaxseg
import jaxseg.data
from jaxseg.config import DataConfig, TrainConfig
from jaxseg.losses import cross_entropy
from jaxseg.nn import ASPP, BlockConfig
from jaxseg.ops.resize import resize

image, label = jnp.zeros((1, 8, 8, 3)), jnp.zeros((1, 8, 8), int)
jaxseg.create_model(21, num_classes="unet")  # expect: arg-type
jaxseg.open_run("runs/mine").predict()  # expect: call-arg
TrainConfig(steps="many")  # expect: arg-type
DataConfig("camvid", crop=360)  # expect: arg-type
ASPP(64, rates=6)  # expect: arg-type
BlockConfig(normalization="batch")  # expect: call-arg
resize(image, 16)  # expect: arg-type
cross_entropy(image, label, void="255")  # expect: arg-type
jaxseg.list_models() + 1  # expect: operator
jaxseg.trian(None)  # expect: attr-defined
jaxseg.data.open_sauce("camvid", "photos")  # expect: attr-defined
