"""Pages of the atrous family."""

from family_pages.record import Page, Run, Score, Written

NETS = "parity/test_torch_atrous_nets.py::"
MODELS = "models/test_atrous.py"
VOC = "VOC 2012 validation, trained on trainaug"
SHAPES = "validation images of the generated dataset *shapes*; mean of three seeds"

PAGES = {
    "deeplabv1": Page(
        title="DeepLab v1",
        paper="Chen, Papandreou, Kokkinos, Murphy, Yuille: Semantic Image Segmentation "
        "with Deep Convolutional Nets and Fully Connected CRFs. ICLR 2015, "
        "arXiv 1412.7062.",
        modules=("deeplabv1",),
        drawn="deeplabv1_vgg16",
        rules=((r"head/branch0/(fc\d)", r"head/\1"), (r"head/branch0$", "")),
        written=(
            Written(
                NETS + "test_deeplabv1",
                "the authors' Caffe prototxts, written out in PyTorch",
            ),
            Written(
                NETS + "test_deeplabv1_early_predictions",
                "the same, with early predictions (MSc), added and concatenated",
            ),
        ),
        tests=(MODELS,),
        scores=(
            Score("LargeFOV", VOC, "62.25 mIoU", "paper, section 5"),
            Score("LargeFOV with CRF", VOC, "67.64 mIoU", "paper, section 5"),
            Score("MSc-LargeFOV with CRF", VOC, "68.70 mIoU", "paper, section 5"),
            Score(
                "MSc-LargeFOV with CRF",
                "VOC 2012 test",
                "71.6 mIoU",
                "paper, section 5",
            ),
        ),
    ),
    "deeplabv2": Page(
        title="DeepLab v2",
        paper="Chen, Papandreou, Kokkinos, Murphy, Yuille: DeepLab: Semantic Image "
        "Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully "
        "Connected CRFs. TPAMI 2018, arXiv 1606.00915.",
        modules=("deeplabv2",),
        drawn="deeplabv2_resnet101",
        options=(("scales", (1.0,)),),
        written=(
            Written(
                NETS + "test_deeplabv2_vgg16",
                "the authors' Caffe prototxts, written out in PyTorch, at two scales",
            ),
            Written(
                NETS + "test_deeplabv2_resnet",
                "kazuto1011/deeplab-pytorch, written out, at several scales",
            ),
        ),
        tests=(MODELS,),
        scores=(
            Score("VGG-16, ASPP-L", VOC, "68.96 mIoU", "paper, VGG-16 table of ASPP"),
            Score(
                "VGG-16, ASPP-L, CRF", VOC, "71.57 mIoU", "paper, VGG-16 table of ASPP"
            ),
            Score(
                "ResNet-101, ASPP, three scales, MS COCO",
                VOC,
                "76.35 mIoU",
                "paper, ResNet-101 table",
            ),
            Score(
                "the same with CRF",
                VOC,
                "77.69 mIoU (79.7 on the test images)",
                "paper, ResNet-101 table",
            ),
            Score(
                "ResNet-101, port to PyTorch",
                VOC,
                "76.65 mIoU, 77.93 with CRF",
                "kazuto1011/deeplab-pytorch",
            ),
        ),
    ),
    "deeplabv3": Page(
        title="DeepLab v3 and LR-ASPP",
        paper="Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution for "
        "Semantic Image Segmentation. 2017, arXiv 1706.05587. LR-ASPP: Howard et al.: "
        "Searching for MobileNetV3. ICCV 2019, arXiv 1905.02244.",
        modules=("deeplabv3",),
        drawn="deeplabv3_resnet50",
        peers=r"deeplabv3_|DeepLabV3 |lraspp",
        tests=(MODELS, "heads/test_atrous_heads.py"),
        scores=(
            Score(
                "ResNet-101, stride 16", VOC, "77.21 mIoU", "paper, section 4 (ASPP)"
            ),
            Score(
                "ResNet-101, stride 8, scales and mirroring",
                VOC,
                "79.77 mIoU",
                "paper, section 4 (ASPP)",
            ),
            Score(
                "ResNet-101, MS COCO",
                "VOC 2012 test",
                "85.7 mIoU",
                "paper, table of the test server",
            ),
            Score(
                "deeplabv3_resnet50, torchvision weights",
                "COCO images with VOC labels",
                "66.4 mIoU",
                "torchvision, model metadata",
            ),
            Score(
                "lraspp_mobilenet_v3_large, torchvision weights",
                "COCO images with VOC labels",
                "57.9 mIoU",
                "torchvision, model metadata",
            ),
        ),
        runs=tuple(
            Run(
                "output_stride",
                f"narrow `deeplabv3_cascade_resnet50_beta`, output stride {stride}, "
                f"300 steps, {SHAPES}",
                (("name", f"stride_{stride}"),),
            )
            for stride in (8, 16, 32)
        ),
    ),
    "deeplabv3plus": Page(
        title="DeepLab v3+",
        paper="Chen, Zhu, Papandreou, Schroff, Adam: Encoder-Decoder with Atrous "
        "Separable Convolution for Semantic Image Segmentation. ECCV 2018, "
        "arXiv 1802.02611.",
        modules=("deeplabv3plus",),
        drawn="deeplabv3plus_resnet50",
        peers=r"DeepLabV3\+|DeepLabV3Plus",
        tests=(MODELS, "heads/test_atrous_heads.py"),
        scores=(
            Score("ResNet-101, stride 16", VOC, "78.85 mIoU", "paper, table 3"),
            Score(
                "ResNet-101, stride 8, scales and mirroring",
                VOC,
                "80.57 mIoU",
                "paper, table 3",
            ),
            Score("Xception-65, stride 16", VOC, "79.93 mIoU", "paper, table 5"),
            Score(
                "Xception-65, separable, MS COCO", VOC, "82.20 mIoU", "paper, table 5"
            ),
            Score(
                "Xception-65, MS COCO", "VOC 2012 test", "87.8 mIoU", "paper, table 6"
            ),
            Score(
                "Xception-71, without image pooling",
                "Cityscapes validation",
                "79.55 mIoU",
                "paper, table 7",
            ),
        ),
        runs=tuple(
            Run(
                "decoder_width",
                f"narrow `deeplabv3plus_resnet50`, {text}, 300 steps, {SHAPES}",
                (("name", name),),
            )
            for name, text in (
                ("none", "no decoder"),
                ("low_4", "4 low-level channels"),
                ("low_48", "48 low-level channels"),
            )
        ),
    ),
    "pspnet": Page(
        title="PSPNet",
        paper="Zhao, Shi, Qi, Wang, Jia: Pyramid Scene Parsing Network. CVPR 2017, "
        "arXiv 1612.01105.",
        modules=("pspnet",),
        drawn="pspnet_resnet50",
        peers=r"^PSPNet",
        tests=(MODELS, "heads/test_atrous_heads.py"),
        scores=(
            Score(
                "ResNet-50, one scale",
                "ADE20K validation",
                "41.68 mIoU",
                "paper, table of depths",
            ),
            Score(
                "ResNet-101, one scale",
                "ADE20K validation",
                "41.96 mIoU",
                "paper, table of depths",
            ),
            Score("ResNet-101", "VOC 2012 test", "82.6 mIoU", "paper, section 5.3"),
            Score("ResNet-101", "Cityscapes test", "78.4 mIoU", "paper, section 5.4"),
        ),
    ),
}
