"""Describes the pages of heads that merge four levels into a feature pyramid."""

from family_pages.record import Page, Score

ADE = "ADE20K validation, one scale"
CITY = "Cityscapes validation, one scale"
ZOO = "MMSegmentation 1.2.2, {}/metafile.yaml"


def _scores(folder: str, rows: tuple[tuple[str, str, str], ...]) -> tuple[Score, ...]:
    """Returns scores that MMSegmentation publishes, from (network, data, mIoU)."""
    source = ZOO.format(folder)
    return tuple(Score(name, data, f"{v} mIoU", source) for name, data, v in rows)


PAGES = {
    "semantic_fpn": Page(
        title="Semantic FPN",
        paper="Kirillov, Girshick, He, Dollár: Panoptic Feature Pyramid Networks. CVPR "
        "2019, arXiv 1901.02446.",
        modules=("semantic_fpn",),
        drawn="semantic_fpn_resnet50",
        peers=r"^(Semantic )?FPN",
        scores=_scores(
            "sem_fpn",
            (
                ("ResNet-50", ADE, "37.49"),
                ("ResNet-101", ADE, "39.35"),
                ("ResNet-50", CITY, "74.52"),
                ("ResNet-101", CITY, "75.8"),
            ),
        ),
    ),
    "upernet": Page(
        title="UPerNet",
        paper="Xiao, Liu, Zhou, Jiang, Sun: Unified Perceptual Parsing for Scene "
        "Understanding. ECCV 2018, arXiv 1807.10221. ConvNeXt: Liu, Mao, Wu, "
        "Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s. CVPR 2022, arXiv "
        "2201.03545. Swin: Liu, Lin, Cao, Hu, Wei, Zhang, Lin, Guo: Swin Transformer: "
        "Hierarchical Vision Transformer using Shifted Windows. ICCV 2021, arXiv "
        "2103.14030.",
        modules=("upernet",),
        drawn="upernet_convnext_t",
        rules=((r"backbone/(stage\d)_\w+?\d+", r"backbone/\1 blocks"),),
        peers=r"(?i)^upernet|convnext|^swin",
        scores=(
            *_scores(
                "upernet",
                (
                    ("ResNet-50, 160,000 steps", ADE, "42.05"),
                    ("ResNet-101, 160,000 steps", ADE, "43.82"),
                    ("ResNet-50, 80,000 steps of 512 x 1024", CITY, "78.19"),
                    ("ResNet-101, 80,000 steps of 512 x 1024", CITY, "79.4"),
                ),
            ),
            *_scores(
                "swin",
                (
                    ("Swin-T, window 7", ADE, "44.41"),
                    ("Swin-S, window 7", ADE, "47.72"),
                    ("Swin-B, window 7", ADE, "47.99"),
                ),
            ),
            *_scores(
                "convnext",
                (
                    ("ConvNeXt-T", ADE, "46.11"),
                    ("ConvNeXt-S", ADE, "48.56"),
                    ("ConvNeXt-B", ADE, "48.71"),
                ),
            ),
        ),
    ),
}
