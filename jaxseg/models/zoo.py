"""Lists every network in one dictionary from its name to its factory function.

A factory takes `num_classes` and keyword options and returns a `flax.linen` module. Its
docstring names the paper.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from jaxseg.models.bisenet import bisenet
from jaxseg.models.cspn import cspn, cspn_depth
from jaxseg.models.danet import danet_resnet
from jaxseg.models.deconvnet import deconvnet
from jaxseg.models.deeplabv1 import (
    deeplabv1_vgg16,
    deeplabv1_vgg16_4x4,
    deeplabv1_vgg16_7x7,
    deeplabv1_vgg16_msc,
)
from jaxseg.models.deeplabv2 import deeplabv2_resnet101, deeplabv2_vgg16
from jaxseg.models.deeplabv3 import (
    deeplabv3_cascade_resnet50_beta,
    deeplabv3_cascade_resnet101_beta,
    deeplabv3_mobilenetv2,
    deeplabv3_mobilenetv3,
    deeplabv3_resnet50,
    deeplabv3_resnet50_beta,
    deeplabv3_resnet101,
    deeplabv3_resnet101_beta,
    lraspp_mobilenetv3,
)
from jaxseg.models.deeplabv3plus import (
    deeplabv3plus_mobilenetv2,
    deeplabv3plus_resnet50,
    deeplabv3plus_resnet101,
    deeplabv3plus_xception41,
    deeplabv3plus_xception65,
    deeplabv3plus_xception71,
)
from jaxseg.models.denseaspp import (
    denseaspp_densenet121,
    denseaspp_densenet161,
    denseaspp_densenet169,
    denseaspp_densenet201,
)
from jaxseg.models.dpt import dpt_vitb16, dpt_vitl16
from jaxseg.models.drn import (
    drn_a50,
    drn_c26,
    drn_c42,
    drn_c58,
    drn_d22,
    drn_d24,
    drn_d38,
    drn_d40,
    drn_d54,
    drn_d56,
    drn_d105,
    drn_d107,
)
from jaxseg.models.duc import (
    duc_hdc_resnet50,
    duc_hdc_resnet101,
)
from jaxseg.models.fastfcn import (
    fastfcn_deeplabv3_resnet50,
    fastfcn_deeplabv3_resnet101,
    fastfcn_enc_resnet50,
    fastfcn_enc_resnet101,
    fastfcn_fcn_resnet50,
    fastfcn_fcn_resnet101,
    fastfcn_psp_resnet50,
    fastfcn_psp_resnet101,
)
from jaxseg.models.fc_densenet import fc_densenet56, fc_densenet67, fc_densenet103
from jaxseg.models.fcn import (
    fcn8s_atonce_vgg16,
    fcn8s_vgg16,
    fcn16s_vgg16,
    fcn32s_vgg16,
)
from jaxseg.models.fcn32s import fcn32s_alexnet, fcn32s_googlenet
from jaxseg.models.fcn_resnet import fcn_resnet50, fcn_resnet101
from jaxseg.models.gcu import gcu_resnet
from jaxseg.models.ginet import ginet_resnet
from jaxseg.models.glore import glore_resnet
from jaxseg.models.gscnn import gscnn
from jaxseg.models.hrnet import hrnet, hrnet_small
from jaxseg.models.linear import PRESETS as LINEAR
from jaxseg.models.mask2former import mask2former_resnet, mask2former_swin
from jaxseg.models.nonlocal_net import nonlocal_resnet
from jaxseg.models.ocrnet import ocrnet_hrnet, ocrnet_resnet
from jaxseg.models.pix2pix import pix2pix
from jaxseg.models.point_transformer import point_transformer
from jaxseg.models.prob_unet import CITYSCAPES, prob_unet
from jaxseg.models.pspnet import (
    pspnet_resnet50,
    pspnet_resnet101,
    pspnet_resnet152,
)
from jaxseg.models.refinenet import (
    refinenet_resnet50,
    refinenet_resnet101,
    refinenet_resnet152,
)
from jaxseg.models.reseg import reseg
from jaxseg.models.se_fcn import se_fcn
from jaxseg.models.segformer import (
    segformer_b0,
    segformer_b1,
    segformer_b2,
    segformer_b3,
    segformer_b4,
    segformer_b5,
)
from jaxseg.models.segnet import (
    bayesian_segnet,
    bayesian_segnet_basic,
    segnet,
    segnet_basic,
)
from jaxseg.models.semantic_fpn import semantic_fpn_resnet
from jaxseg.models.setr import setr_mla, setr_naive, setr_pup
from jaxseg.models.spn import spn
from jaxseg.models.unet import unet
from jaxseg.models.unet_fcn import unet_fcn
from jaxseg.models.unet_plus_plus import unetplusplus_resnet34
from jaxseg.models.unet_resnet import unet_resnet18, unet_resnet34, unet_resnet50
from jaxseg.models.unet_valid import unet_caffe, unet_valid
from jaxseg.models.upernet import upernet_convnext, upernet_resnet, upernet_swin

MODELS: dict[str, Callable[..., nn.Module]] = {
    # encoder-decoder family
    "unet": unet,
    "unet_valid": unet_valid,
    "unet_caffe": unet_caffe,
    "unet_fcn": unet_fcn,
    "unet_resnet18": unet_resnet18,
    "unet_resnet34": unet_resnet34,
    "unet_resnet50": unet_resnet50,
    "unetplusplus_resnet34": unetplusplus_resnet34,
    "segnet": segnet,
    "segnet_basic": segnet_basic,
    "bayesian_segnet": bayesian_segnet,
    "bayesian_segnet_basic": bayesian_segnet_basic,
    "fcn32s_vgg16": fcn32s_vgg16,
    "fcn16s_vgg16": fcn16s_vgg16,
    "fcn8s_vgg16": fcn8s_vgg16,
    "fcn8s_atonce_vgg16": fcn8s_atonce_vgg16,
    "fcn32s_alexnet": fcn32s_alexnet,
    "fcn32s_googlenet": fcn32s_googlenet,
    "fcn_resnet50": fcn_resnet50,
    "fcn_resnet101": fcn_resnet101,
    "deconvnet": deconvnet,
    "fc_densenet56": fc_densenet56,
    "fc_densenet67": fc_densenet67,
    "fc_densenet103": fc_densenet103,
    "refinenet_resnet50": refinenet_resnet50,
    "refinenet_resnet101": refinenet_resnet101,
    "refinenet_resnet152": refinenet_resnet152,
    "reseg": reseg,
    # atrous family
    "deeplabv1_vgg16": deeplabv1_vgg16,
    "deeplabv1_vgg16_4x4": deeplabv1_vgg16_4x4,
    "deeplabv1_vgg16_7x7": deeplabv1_vgg16_7x7,
    "deeplabv1_vgg16_msc": deeplabv1_vgg16_msc,
    "deeplabv2_vgg16": deeplabv2_vgg16,
    "deeplabv2_resnet101": deeplabv2_resnet101,
    "deeplabv3_resnet50": deeplabv3_resnet50,
    "deeplabv3_resnet101": deeplabv3_resnet101,
    "deeplabv3_resnet50_beta": deeplabv3_resnet50_beta,
    "deeplabv3_resnet101_beta": deeplabv3_resnet101_beta,
    "deeplabv3_cascade_resnet50_beta": deeplabv3_cascade_resnet50_beta,
    "deeplabv3_cascade_resnet101_beta": deeplabv3_cascade_resnet101_beta,
    "deeplabv3_mobilenetv2": deeplabv3_mobilenetv2,
    "deeplabv3_mobilenetv3": deeplabv3_mobilenetv3,
    "lraspp_mobilenetv3": lraspp_mobilenetv3,
    "deeplabv3plus_resnet50": deeplabv3plus_resnet50,
    "deeplabv3plus_resnet101": deeplabv3plus_resnet101,
    "deeplabv3plus_xception41": deeplabv3plus_xception41,
    "deeplabv3plus_xception65": deeplabv3plus_xception65,
    "deeplabv3plus_xception71": deeplabv3plus_xception71,
    "deeplabv3plus_mobilenetv2": deeplabv3plus_mobilenetv2,
    "pspnet_resnet50": pspnet_resnet50,
    "pspnet_resnet101": pspnet_resnet101,
    "pspnet_resnet152": pspnet_resnet152,
    "drn_a50": drn_a50,
    "drn_c26": drn_c26,
    "drn_c42": drn_c42,
    "drn_c58": drn_c58,
    "drn_d22": drn_d22,
    "drn_d24": drn_d24,
    "drn_d38": drn_d38,
    "drn_d40": drn_d40,
    "drn_d54": drn_d54,
    "drn_d56": drn_d56,
    "drn_d105": drn_d105,
    "drn_d107": drn_d107,
    "duc_hdc_resnet50": duc_hdc_resnet50,
    "duc_hdc_resnet101": duc_hdc_resnet101,
    "fastfcn_fcn_resnet50": fastfcn_fcn_resnet50,
    "fastfcn_fcn_resnet101": fastfcn_fcn_resnet101,
    "fastfcn_psp_resnet50": fastfcn_psp_resnet50,
    "fastfcn_psp_resnet101": fastfcn_psp_resnet101,
    "fastfcn_deeplabv3_resnet50": fastfcn_deeplabv3_resnet50,
    "fastfcn_deeplabv3_resnet101": fastfcn_deeplabv3_resnet101,
    "fastfcn_enc_resnet50": fastfcn_enc_resnet50,
    "fastfcn_enc_resnet101": fastfcn_enc_resnet101,
    "denseaspp_densenet121": denseaspp_densenet121,
    "denseaspp_densenet161": denseaspp_densenet161,
    "denseaspp_densenet169": denseaspp_densenet169,
    "denseaspp_densenet201": denseaspp_densenet201,
    # context family
    "hrnet_w18": partial(hrnet, width=18),
    "hrnet_w32": partial(hrnet, width=32),
    "hrnet_w48": partial(hrnet, width=48),
    "hrnet_small_v1": partial(hrnet_small, version="small_v1"),
    "hrnet_small_v2": partial(hrnet_small, version="small_v2"),
    "ocrnet_resnet101": partial(ocrnet_resnet, depth=101),
    "ocrnet_hrnet_w18": partial(ocrnet_hrnet, width=18),
    "ocrnet_hrnet_w32": partial(ocrnet_hrnet, width=32),
    "ocrnet_hrnet_w48": partial(ocrnet_hrnet, width=48),
    "semantic_fpn_resnet50": partial(semantic_fpn_resnet, depth=50),
    "semantic_fpn_resnet101": partial(semantic_fpn_resnet, depth=101),
    "upernet_resnet50": partial(upernet_resnet, depth=50),
    "upernet_resnet101": partial(upernet_resnet, depth=101),
    "upernet_swin_t": partial(upernet_swin, size="swin_t"),
    "upernet_swin_s": partial(upernet_swin, size="swin_s"),
    "upernet_swin_b": partial(upernet_swin, size="swin_b"),
    "upernet_convnext_t": partial(upernet_convnext, size="convnext_t"),
    "upernet_convnext_s": partial(upernet_convnext, size="convnext_s"),
    "upernet_convnext_b": partial(upernet_convnext, size="convnext_b"),
    "mask2former_resnet50": mask2former_resnet,
    "mask2former_swin_t": partial(mask2former_swin, size="swin_t"),
    "mask2former_swin_s": partial(mask2former_swin, size="swin_s"),
    "mask2former_swin_b": partial(mask2former_swin, size="swin_b"),
    "segformer_b0": segformer_b0,
    "segformer_b1": segformer_b1,
    "segformer_b2": segformer_b2,
    "segformer_b3": segformer_b3,
    "segformer_b4": segformer_b4,
    "segformer_b5": segformer_b5,
    **LINEAR,
    "dpt_vitb16": dpt_vitb16,
    "dpt_vitl16": dpt_vitl16,
    "setr_naive_vitl16": partial(setr_naive, trunk="vitl16"),
    "setr_pup_vitl16": partial(setr_pup, trunk="vitl16"),
    "setr_mla_vitl16": partial(setr_mla, trunk="vitl16"),
    "setr_naive_vitb16": partial(setr_naive, trunk="vitb16"),
    "setr_pup_vitb16": partial(setr_pup, trunk="vitb16"),
    "setr_mla_vitb16": partial(setr_mla, trunk="vitb16"),
    "setr_naive_vits16": partial(setr_naive, trunk="vits16"),
    "setr_pup_vits16": partial(setr_pup, trunk="vits16"),
    "setr_mla_vits16": partial(setr_mla, trunk="vits16"),
    "setr_naive_vitti16": partial(setr_naive, trunk="vitti16"),
    "setr_pup_vitti16": partial(setr_pup, trunk="vitti16"),
    "setr_mla_vitti16": partial(setr_mla, trunk="vitti16"),
    "danet_resnet50": partial(danet_resnet, depth=50),
    "danet_resnet101": partial(danet_resnet, depth=101),
    "bisenet_resnet18": partial(bisenet, backbone="resnet18"),
    "bisenet_resnet101": partial(bisenet, backbone="resnet101"),
    "bisenet_xception39": partial(bisenet, backbone="xception39"),
    "gscnn_wideresnet38": gscnn,
    "nonlocal_resnet50": partial(nonlocal_resnet, depth=50),
    "nonlocal_resnet101": partial(nonlocal_resnet, depth=101),
    "fcn_seresnet50": partial(se_fcn, depth=50),
    "fcn_seresnet101": partial(se_fcn, depth=101),
    "glore_resnet50": partial(glore_resnet, depth=50),
    "glore_resnet101": partial(glore_resnet, depth=101),
    "gcu_resnet50": partial(gcu_resnet, depth=50),
    "gcu_resnet101": partial(gcu_resnet, depth=101),
    "ginet_resnet50": partial(ginet_resnet, depth=50),
    "ginet_resnet101": partial(ginet_resnet, depth=101),
    "spn": spn,
    "cspn_resnet50": cspn,
    "cspn_depth_resnet50": cspn_depth,
    # generative and probabilistic family
    "pix2pix_unet256": pix2pix,
    "pix2pix_unet128": partial(pix2pix, depth=7, dropped=2),
    "prob_unet": prob_unet,
    "prob_unet_cityscapes": partial(prob_unet, widths=CITYSCAPES, combining=4),
    # point clouds
    "point_transformer": point_transformer,
}
