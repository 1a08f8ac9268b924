"""Texts about generated images, distributions and point clouds."""

from family_pages.record import Page, Run, Score

PAGES = {
    "pix2pix": Page(
        title="pix2pix",
        paper="Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional "
        "Adversarial Networks. CVPR 2017, arXiv 1611.07004.",
        modules=("pix2pix",),
        drawn="pix2pix_unet256",
        rules=((r"generator/((?:down|up)\d)", r"generator/\1"),),
        tests=("models/test_pix2pix.py",),
        scores=(
            Score(
                "L1 and conditional GAN, labels to photos",
                "Cityscapes; an FCN segments the generated photos",
                "0.17 mIoU (0.21 on real photos)",
                "paper, table 1",
            ),
        ),
        runs=(
            Run(
                "pix2pix",
                "narrow form, photos to labels, GAN and 10 L1, 800 steps, *shapes*",
                (("question", "pix2pix on drawn scenes: GAN + 10 L1"),),
            ),
            Run(
                "pix2pix",
                "the same generator, trained with cross entropy",
                (
                    (
                        "question",
                        "pix2pix on drawn scenes: cross entropy, generator alone",
                    ),
                ),
            ),
        ),
    ),
    "prob_unet": Page(
        title="Probabilistic U-Net",
        paper="Kohl, Romera-Paredes, Meyer, De Fauw, Ledsam, Maier-Hein, Eslami, "
        "Rezende, Ronneberger: A Probabilistic U-Net for Segmentation of Ambiguous "
        "Images. NeurIPS 2018, arXiv 1806.05034.",
        modules=("prob_unet",),
        drawn="prob_unet",
        rules=(
            (r"unet/encoder/block(\d)", r"unet/encoder\1"),
            (r"unet/(up\d)", r"unet/\1"),
            (r"prior/(?:encoder/block\d|head)", "prior"),
        ),
        tests=("models/test_prob_unet.py",),
    ),
    "point_transformer": Page(
        title="Point Transformer",
        paper="Zhao, Jiang, Jia, Torr, Koltun: Point Transformer. ICCV 2021, "
        "arXiv 2012.09164.",
        modules=("point_transformer",),
        drawn="point_transformer",
        rules=(
            (r"(encoder\d)", r"\1"),
            (r"(decoder\d)", r"\1"),
            (r"(context|head)", r"\1"),
        ),
        tests=("models/test_point_transformer.py",),
        scores=(
            Score("Point Transformer", "S3DIS, area 5", "70.4 mIoU", "paper"),
            Score(
                "another implementation", "S3DIS, area 5", "70.0 mIoU", "POSTECH-CVLab"
            ),
        ),
        runs=(
            Run(
                "point_transformer",
                "narrow form, 1,000 steps, 60 generated rooms",
                (("question", "Point Transformer on drawn rooms, narrow form"),),
            ),
        ),
    ),
}
