"""Texts about dilated networks after DeepLab and PSPNet."""

from family_pages.record import Page, Run, Score, Written

NETS = "parity/test_torch_atrous_nets.py::"
MODELS = "models/test_atrous.py"
VOC = "VOC 2012 validation, trained on trainaug"
SHAPES = "validation images of the generated dataset *shapes*; mean of three seeds"

PAGES = {
    "drn": Page(
        title="Dilated residual networks (DRN)",
        paper="Yu, Koltun, Funkhouser: Dilated Residual Networks. CVPR 2017, "
        "arXiv 1705.09914.",
        modules=("drn",),
        drawn="drn_d22",
        tests=(MODELS, "backbones/test_atrous_consistency.py"),
        scores=(
            Score("DRN-C-26", "Cityscapes validation", "68.0 mIoU", "authors' release"),
            Score("DRN-C-42", "Cityscapes validation", "70.9 mIoU", "authors' release"),
            Score("DRN-D-22", "Cityscapes validation", "68.0 mIoU", "authors' release"),
            Score(
                "DRN-D-105", "Cityscapes validation", "75.6 mIoU", "authors' release"
            ),
        ),
    ),
    "duc": Page(
        title="Hybrid dilated convolution and dense upsampling (HDC and DUC)",
        paper="Wang, Chen, Yuan, Liu, Huang, Hou, Cottrell: Understanding Convolution "
        "for Semantic Segmentation. WACV 2018, arXiv 1702.08502.",
        modules=("duc",),
        drawn="duc_hdc_resnet101",
        written=(
            Written(
                NETS + "test_duc",
                "TuSimple/TuSimple-DUC, the network and its predictor, written out",
            ),
        ),
        tests=(MODELS,),
        scores=(
            Score(
                "ResNet-101-DUC-HDC, several scales",
                "Cityscapes test",
                "80.1 mIoU",
                "authors' release",
            ),
            Score("ResNet-152-DUC", "VOC 2012 test", "83.1 mIoU", "authors' release"),
        ),
        runs=tuple(
            Run(
                "hdc_rates",
                f"narrow `duc_hdc_resnet50`, rates {text}, 150 steps, {SHAPES}",
                (("name", name),),
            )
            for name, text in (
                ("uniform", "(2, 2, 2) and (4, 4, 4)"),
                ("hybrid", "(1, 2, 3) and (3, 4, 5)"),
                ("ones", "(1, 1, 1) and (1, 1, 1)"),
            )
        ),
    ),
    "fastfcn": Page(
        title="FastFCN (joint pyramid upsampling)",
        paper="Wu, Zhang, Huang, Liang, Yu: FastFCN: Rethinking Dilated Convolution in "
        "the Backbone for Semantic Segmentation. 2019, arXiv 1903.11816.",
        modules=("fastfcn",),
        drawn="fastfcn_deeplabv3_resnet50",
        peers=r"^FastFCN",
        tests=(MODELS,),
        scores=(
            Score(
                "DeepLab v3 with JPU, ResNet-50",
                "PASCAL-Context (59 classes)",
                "50.07 mIoU",
                "authors' release",
            ),
            Score(
                "EncNet with JPU, ResNet-50",
                "PASCAL-Context (59 classes)",
                "51.05 mIoU",
                "authors' release",
            ),
            Score(
                "EncNet with JPU, ResNet-101, several scales",
                "PASCAL-Context (59 classes)",
                "54.03 mIoU",
                "authors' release",
            ),
        ),
    ),
    "denseaspp": Page(
        title="DenseASPP",
        paper="Yang, Yu, Zhang, Li, Yang: DenseASPP for Semantic Segmentation in "
        "Street Scenes. CVPR 2018 (no arXiv entry).",
        modules=("denseaspp",),
        drawn="denseaspp_densenet121",
        written=(
            Written(NETS + "test_denseaspp", "the authors' release, written out"),
        ),
        tests=(MODELS,),
        scores=(
            Score(
                "DenseNet-161, several scales",
                "Cityscapes test",
                "80.6 mIoU",
                "paper, abstract",
            ),
        ),
    ),
    "encnet": Page(
        title="EncNet",
        paper="Zhang, Dana, Shi, Zhang, Wang, Tyagi, Agrawal: Context Encoding for "
        "Semantic Segmentation. CVPR 2018, arXiv 1803.08904.",
        modules=("encnet",),
        drawn="encnet@resnet50_beta",
        peers=r"FastFCN ENC",
        scores=(
            Score(
                "EncNet, ResNet-50, dilated",
                "PASCAL-Context (59 classes)",
                "49.91 mIoU",
                "FastFCN, authors' release",
            ),
            Score(
                "EncNet, ResNet-50, several scales",
                "ADE20K validation",
                "41.11 mIoU",
                "FastFCN, authors' release",
            ),
        ),
    ),
}
