"""Segments images, averages and refines predictions, and exports networks."""

from jaxseg.inference._mc_dropout import entropy as entropy
from jaxseg.inference._mc_dropout import mc_dropout as mc_dropout
from jaxseg.inference.attention import attention_maps as attention_maps
from jaxseg.inference.crf import PRESETS as PRESETS
from jaxseg.inference.crf import Kernels as Kernels
from jaxseg.inference.crf import dense_crf as dense_crf
from jaxseg.inference.crf import unary_energy as unary_energy
from jaxseg.inference.crf_refine import refine as refine
from jaxseg.inference.crf_refine import refine_steps as refine_steps
from jaxseg.inference.export.stablehlo import export_network as export_network
from jaxseg.inference.export.stablehlo import export_predictor as export_predictor
from jaxseg.inference.export.stablehlo import import_network as import_network
from jaxseg.inference.image_network import ImageNetwork as ImageNetwork
from jaxseg.inference.predict import Canvas as Canvas
from jaxseg.inference.predict import predict_canvas as predict_canvas
from jaxseg.inference.predict import predict_labels as predict_labels
from jaxseg.inference.predict import predict_logits as predict_logits
from jaxseg.inference.sampling import upsample_argmax as upsample_argmax
from jaxseg.inference.tta import predict_probabilities as predict_probabilities
from jaxseg.inference.uncertainty.averaged_network import (
    AveragedNetwork as AveragedNetwork,
)
from jaxseg.inference.uncertainty.averaging import Averaging as Averaging
from jaxseg.inference.uncertainty.dropout import dropout_layers as dropout_layers
from jaxseg.inference.uncertainty.dropout import with_dropout as with_dropout
from jaxseg.inference.uncertainty.members import Member as Member
