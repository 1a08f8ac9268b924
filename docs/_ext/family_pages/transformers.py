"""Describes the pages of transformers and their heads."""

from family_pages.record import Page, Score

ADE = "ADE20K validation, one scale"
CITY = "Cityscapes validation, one scale"
ZOO = "authors' code, MODEL_ZOO.md"

PAGES = {
    "dinov2": Page(
        title="DINOv2 and DINOv3 with a linear head",
        paper="Oquab, Darcet, Moutakanni, Vo, Szafraniec, Khalidov, ...: DINOv2: "
        "Learning Robust Visual Features without Supervision. TMLR 2024, arXiv "
        "2304.07193. Registers: Darcet, Oquab, Mairal, Bojanowski: Vision Transformers "
        "Need Registers. ICLR 2024, arXiv 2309.16588. DINOv3: Simeoni, Vo, Seitzer, "
        "Baldassarre, Oquab, ...: DINOv3. arXiv 2508.10104.",
        modules=("linear",),
        drawn="linear_dinov2_vits14",
        rules=((r"backbone/layer\d+", r"backbone/layers"),),
        peers=r"(?i)dinov[23]",
    ),
    "dpt": Page(
        title="DPT",
        paper="Ranftl, Bochkovskiy, Koltun: Vision Transformers for Dense Prediction. "
        "ICCV 2021, arXiv 2103.13413.",
        modules=("dpt",),
        drawn="dpt_vitb16",
        rules=((r"backbone/layer\d+", r"backbone/layers"),),
        peers=r"^DPT",
        scores=(
            Score(
                "MMSegmentation, ViT-B/16",
                "ADE20K validation, one scale",
                "46.97 mIoU",
                "MMSegmentation 1.2.2, configs/dpt",
            ),
        ),
    ),
    "mask2former": Page(
        title="Mask2Former",
        paper="Cheng, Misra, Schwing, Kirillov, Girdhar: Masked-attention Mask "
        "Transformer for Universal Image Segmentation. CVPR 2022, arXiv 2112.01527.",
        modules=("mask2former",),
        drawn="mask2former_swin_t",
        rules=(
            (r"backbone/(stage\d)_\w+?\d+", r"backbone/\1 blocks"),
            (r"head/pixel_decoder/layer\d+", "head/pixel_decoder/layers"),
            (r"head/layer\d+", "head/layers"),
        ),
        tests=(
            "heads/test_mask2former.py",
            "nn/test_query_attention.py",
            "ops/test_sampling.py",
            "losses/test_mask_classification.py",
        ),
        peers=r"^Mask2Former",
        scores=(
            Score("ResNet-50", ADE, "47.2 mIoU", ZOO),
            Score("Swin-T", ADE, "47.7 mIoU", ZOO),
            Score("Swin-S", ADE, "51.3 mIoU", ZOO),
            Score("Swin-B", ADE, "52.4 mIoU", ZOO),
            Score("ResNet-50", CITY, "79.4 mIoU", ZOO),
            Score("Swin-T", CITY, "82.1 mIoU", ZOO),
            Score("Swin-S", CITY, "82.6 mIoU", ZOO),
        ),
    ),
    "segformer": Page(
        title="SegFormer",
        paper="Xie, Wang, Yu, Anandkumar, Alvarez, Luo: SegFormer: Simple and "
        "Efficient Design for Semantic Segmentation with Transformers. NeurIPS 2021, "
        "arXiv 2105.15203.",
        modules=("segformer",),
        drawn="segformer_b2",
        rules=((r"backbone/(stage\d)_\w+?\d+", r"backbone/\1 blocks"),),
        peers=r"^SegFormer",
        scores=(
            Score("MiT-B0", ADE, "37.4 mIoU", "paper, table 1"),
            Score("MiT-B1", ADE, "42.2 mIoU", "paper, table 1"),
            Score("MiT-B2", ADE, "46.5 mIoU", "paper, table 1"),
            Score("MiT-B3", ADE, "49.4 mIoU", "paper, table 1"),
            Score("MiT-B4", ADE, "50.3 mIoU", "paper, table 1"),
            Score("MiT-B5", ADE, "51.0 mIoU", "paper, table 1"),
            Score("MiT-B0", CITY, "76.2 mIoU", "paper, table 1"),
            Score("MiT-B5", CITY, "82.4 mIoU", "paper, table 1"),
        ),
    ),
}
