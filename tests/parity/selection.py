"""The comparisons with PyTorch that the default suite runs, each with its reason.

Every comparison that takes more than five seconds and is not listed here is a sweep:
it repeats one of these for another depth, head, library or size.
"""

DEFAULT = {
    "test_atrous_mmseg.py::test_fastfcn[enc]": "joint pyramid upsampling, encoding head",
    "test_atrous_smp.py::test_deeplabv3plus[34]": "separable ASPP, the early rate",
    "test_atrous_torchvision.py::test_deeplabv3_resnet": "dense stages, ASPP, auxiliary",
    "test_atrous_torchvision.py::test_googlenet": "branches side by side",
    "test_atrous_torchvision.py::test_xception[41-8]": "separable kernels at stride 8",
    "test_context.py::test_mmseg_bisenet": "two paths, nearest upsampling",
    "test_context.py::test_mmseg_danet": "attention over positions and channels",
    "test_context.py::test_mmseg_ocrnet_resnet": "a cascade of heads, region attention",
    "test_context.py::test_timm_vit[deit_tiny_distilled_patch16_224]": "a transformer",
    "test_dinov2.py::test_timm[registers]": "registers, LayerScale, bicubic positions",
    "test_dinov3.py::test_timm[vits16plus]": "rotary positions, SwiGLU",
    "test_efficientnet.py::test_timm[tf_efficientnet_lite0]": "TensorFlow's padding",
    "test_mobilenet.py::test_v3[small-rules1-ends1]": "depthwise, squeeze-and-excitation",
    "test_mask2former.py::test_swin[smallest]": "attention to points and to masks",
    "test_resnet.py::test_timm[resnet18d-d-rules2]": "deep stem, pooled shortcut",
    "test_resnet.py::test_torchvision[18]": "basic units",
    "test_scorers.py::test_boundary_iou_by_erosion[0.02]": "pixels near a boundary",
    "test_scorers.py::test_cityscapesscripts": "IoU of classes and categories",
    "test_scorers.py::test_medpy": "Hausdorff and average distances",
    "test_scorers.py::test_monai[19]": "distances and Dice of images, averaged",
    "test_scorers.py::test_scikit_learn": "scores of a matrix and of thresholds",
    "test_scorers.py::test_surface_distance": "contours between the pixels",
    "test_smp_options.py::test_unet[scse]": "gates of channels and pixels",
    "test_swin.py::test_torchvision": "attention in shifted windows",
    "test_torch_atrous_nets.py::test_deeplabv1_early_predictions[sum-even]": "fused taps",
    "test_torch_atrous_nets.py::test_deeplabv2_resnet[mixed]": "several scales",
    "test_torch_atrous_nets.py::test_deeplabv2_vgg16[mixed]": "a sum over rates",
    "test_torch_files.py::test_smp_is_found_and_verified[Unet-options1-unet_resnet18, 3 classes]": "a file of segmentation_models.pytorch through the command",
    "test_torch_files.py::test_there_and_back_through_a_real_network[small]": "both directions",
    "test_training_mode.py::test_training_mode[smp-unet]": "gradients of a decoder",
    "test_training_mode.py::test_training_mode[timm-dinov2]": "gradients of a transformer",
    "test_transformers.py::test_mmseg_segformer": "attention to a reduced map",
    "test_unet_fcn.py::test_smp_unet[18]": "a decoder with skip connections",
    "test_vgg.py::test_torchvision[bn-16]": "a plain stack with batch normalization",
}

# These and the sweeps run with XLA's optimizations, as users do; the others without.
OPTIMIZED = {
    "test_resnet.py::test_torchvision[18]",
    "test_training_mode.py::test_training_mode[timm-dinov2]",
}
