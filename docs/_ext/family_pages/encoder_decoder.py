"""Pages of the encoder-decoder family."""

from family_pages.record import Page, Run, Score, Written

VGG = "parity/test_torch_vgg_nets.py::"
DENSE = "parity/test_torch_dense_nets.py::"
VOC11 = "VOC 2011 validation, 736 images without those of SBD"
CAMVID = "CamVid test, 11 classes, 360 x 480"
SMALL = (
    "narrow form, {} steps at 90 x 120 pixels, a check that the recipe runs, CamVid "
    "validation"
)


def smoke(name, steps):
    """The recorded smoke run of one recipe of `experiments/camvid_scratch`."""
    question = f"does the {name} recipe run (smoke form)"
    text = f"`{name}`, {SMALL.format(steps)}"
    return Run("camvid_scratch", text, (("question", question),))


PAGES = {
    "fcn": Page(
        title="Fully convolutional networks (FCN)",
        paper="Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic "
        "Segmentation. CVPR 2015, arXiv 1411.4038; TPAMI 2017, arXiv 1605.06211.",
        modules=("fcn", "fcn32s", "fcn_resnet"),
        drawn="fcn8s_vgg16",
        rules=((r"(upscore)\w*", r"\1"),),
        peers=r"^FCN R50|fcn_resnet",
        written=(
            Written(
                VGG + "test_fcn_vgg16",
                "the authors' prototxts at strides 32, 16 and 8, written out in "
                "PyTorch, in both forms",
            ),
            Written(
                VGG + "test_fcn_alexnet",
                "the authors' prototxt of FCN-AlexNet, written out in PyTorch",
            ),
        ),
        tests=("models/test_fcn.py",),
        scores=(
            Score("FCN-32s", VOC11, "59.4 mIoU", "paper, table 2"),
            Score("FCN-16s", VOC11, "62.4 mIoU", "paper, table 2"),
            Score("FCN-8s", VOC11, "62.7 mIoU", "paper, table 2"),
            Score("FCN-8s", "VOC 2012 test", "62.2 mIoU", "paper, table 3"),
            Score("FCN-8s at once", VOC11, "65.4 mIoU", "authors' release"),
            Score("FCN-AlexNet", VOC11, "48.0 mIoU", "authors' release"),
            Score(
                "fcn_resnet50, torchvision weights",
                "COCO images with VOC labels",
                "60.5 mIoU",
                "torchvision, model metadata",
            ),
        ),
    ),
    "unet": Page(
        title="U-Net",
        paper="Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for "
        "Biomedical Image Segmentation. MICCAI 2015, arXiv 1505.04597.",
        modules=("unet", "unet_valid", "unet_fcn", "unet_resnet"),
        drawn="unet",
        rules=((r"trunk/((?:down|up)\d)", r"\1"),),
        peers=r"^U-?[Nn]et",
        written=(
            Written(
                VGG + "test_unet_valid",
                "the released unpadded network, written out in PyTorch, in both "
                "variants",
            ),
        ),
        tests=("models/test_unet.py",),
        scores=(
            Score(
                "U-Net",
                "ISBI 2012 test slices, mean of 7 rotations",
                "warping error 0.0003529, Rand error 0.0382, pixel error 0.0611",
                "paper, table 1",
            ),
            Score("U-Net", "PhC-U373", "92.03 IoU", "paper, table 2"),
            Score("U-Net", "DIC-HeLa", "77.56 IoU", "paper, table 2"),
        ),
        runs=(
            Run(
                "camvid_unet",
                "`unet` of width 16, 1,200 steps, CamVid validation, mean IoU",
                (("steps", 1200),),
            ),
            Run(
                "isbi_unet",
                "`unet` of width 16, 650 steps, 5 held-out ISBI slices, pixel error",
                (("steps", 650),),
                "pixel_error",
            ),
        ),
    ),
    "unetplusplus": Page(
        title="Unet++",
        paper="Zhou, Siddiquee, Tajbakhsh, Liang: UNet++: A Nested U-Net Architecture "
        "for Medical Image Segmentation. DLMIA 2018, arXiv 1807.10165.",
        modules=("unet_plus_plus",),
        drawn="unetplusplus_resnet34",
        rules=(
            (r"backbone/(layer\d)_\d+", r"backbone/\1"),
            (r"(head/node\d_\d)_\w+", r"\1"),
        ),
        peers=r"^UnetPlusPlus",
        scores=(
            Score(
                "Unet++ with deep supervision",
                "four medical datasets, average",
                "3.9 points of IoU above U-Net, 3.4 above a wider U-Net",
                "paper, abstract",
            ),
        ),
    ),
    "segnet": Page(
        title="SegNet and Bayesian SegNet",
        paper="Badrinarayanan, Kendall, Cipolla: SegNet: A Deep Convolutional "
        "Encoder-Decoder Architecture for Image Segmentation. TPAMI 2017, "
        "arXiv 1511.00561. Kendall, Badrinarayanan, Cipolla: Bayesian SegNet. BMVC "
        "2017, arXiv 1511.02680.",
        modules=("segnet",),
        drawn="segnet",
        written=(
            Written(
                VGG + "test_segnet",
                "alexgkendall/SegNet-Tutorial, the Caffe network, written out",
            ),
            Written(
                VGG + "test_segnet_basic",
                "alexgkendall/SegNet-Tutorial, the Caffe network of SegNet-Basic",
            ),
        ),
        tests=("models/test_segnet.py",),
        scores=(
            Score(
                "SegNet-Basic, median-frequency weights",
                CAMVID,
                "47.7 mIoU",
                "SegNet paper, table 1",
            ),
            Score(
                "SegNet, 3,433 images of several datasets",
                CAMVID,
                "60.1 mIoU",
                "SegNet paper, table 3",
            ),
            Score("SegNet", CAMVID, "50.2 mIoU", "Bayesian SegNet paper"),
            Score("SegNet", CAMVID, "46.4 mIoU", "Tiramisu paper, table 3"),
            Score("Bayesian SegNet", CAMVID, "63.1 mIoU", "Bayesian SegNet paper"),
            Score(
                "Bayesian SegNet-Basic", CAMVID, "55.8 mIoU", "Bayesian SegNet paper"
            ),
        ),
        runs=(smoke("segnet_basic", 40), smoke("bayesian_segnet_basic", 40)),
    ),
    "deconvnet": Page(
        title="DeconvNet",
        paper="Noh, Hong, Han: Learning Deconvolution Network for Semantic "
        "Segmentation. ICCV 2015, arXiv 1505.04366.",
        modules=("deconvnet",),
        drawn="deconvnet",
        written=(
            Written(
                VGG + "test_deconvnet",
                "HyeonwooNoh/DeconvNet, the Caffe network of stage 2, written out",
            ),
        ),
        tests=("models/test_segnet.py",),
        scores=(
            Score("DeconvNet", "VOC 2012 test", "69.6 mIoU", "paper, table 1"),
            Score("DeconvNet, CRF", "VOC 2012 test", "70.5 mIoU", "paper, table 1"),
            Score(
                "with FCN-8s (EDeconvNet), CRF",
                "VOC 2012 test",
                "72.5 mIoU",
                "paper, table 1",
            ),
        ),
    ),
    "fc_densenet": Page(
        title="FC-DenseNet (Tiramisu)",
        paper="Jegou, Drozdzal, Vazquez, Romero, Bengio: The One Hundred Layers "
        "Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation. CVPR "
        "Workshops 2017, arXiv 1611.09326.",
        modules=("fc_densenet",),
        drawn="fc_densenet103",
        rules=((r"transition", ""),),
        written=(
            Written(
                DENSE + "test_fc_densenet",
                "the layers of the paper, written out in PyTorch",
            ),
        ),
        tests=("models/test_dense_nets.py",),
        scores=(
            Score("FC-DenseNet56", CAMVID, "58.9 mIoU", "paper, table 3"),
            Score("FC-DenseNet67", CAMVID, "65.8 mIoU", "paper, table 3"),
            Score("FC-DenseNet103", CAMVID, "66.9 mIoU", "paper, table 3"),
        ),
        runs=tuple(smoke(f"fc_densenet{depth}", 30) for depth in (56, 67, 103)),
    ),
    "refinenet": Page(
        title="RefineNet",
        paper="Lin, Milan, Shen, Reid: RefineNet: Multi-Path Refinement Networks for "
        "High-Resolution Semantic Segmentation. CVPR 2017, arXiv 1611.06612.",
        modules=("refinenet",),
        drawn="refinenet_resnet50",
        rules=(
            (r"head/(fuse\d)", ""),
            (r"head/(refine\d)", r"head/\1"),
        ),
        written=(
            Written(
                DENSE + "test_refinenet_head",
                "DrSleep/refinenet-pytorch, the decoder written out",
            ),
        ),
        tests=("models/test_dense_nets.py",),
        scores=(
            Score("RefineNet", "VOC 2012 test", "83.4 mIoU", "paper, abstract"),
            Score("ResNet-101", "Cityscapes test", "73.6 mIoU", "paper"),
            Score("ResNet-152", "ADE20K validation", "40.7 mIoU", "paper"),
            Score(
                "ResNet-101, port to PyTorch, one scale",
                "VOC 2012 validation",
                "80.5 mIoU",
                "DrSleep/refinenet-pytorch",
            ),
        ),
    ),
    "reseg": Page(
        title="ReSeg",
        paper="Visin, Ciccone, Romero, Kastner, Cho, Bengio, Matteucci, Courville: "
        "ReSeg: A Recurrent Neural Network-Based Model for Semantic Segmentation. CVPR "
        "Workshops 2016, arXiv 1511.07053.",
        modules=("reseg",),
        drawn="reseg",
        written=(
            Written(
                DENSE + "test_reseg",
                "fvisin/reseg, layers.py and vgg16.py, written out, in both readings",
            ),
        ),
        tests=("models/test_dense_nets.py", "golden/test_golden.py"),
        scores=(Score("ReSeg", CAMVID, "58.8 mIoU", "Tiramisu paper, table 3"),),
        runs=(smoke("reseg", 40),),
    ),
}
