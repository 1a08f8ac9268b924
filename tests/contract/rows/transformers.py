"""Hierarchical transformers and their heads.

Counts are those of segmentation_models.pytorch, built and counted.
"""

RELEASE = "segmentation_models.pytorch 0.6.0, built and counted"
SMALL_MIT = {"channels": (4, 8, 20, 32), "blocks": (1, 1, 1, 1), "features": 8}
# The normalization after the fusion cancels what is constant over the map.
CONSTANT = (r"head/project_c\d/bias$",)


def segformer(count, **more):
    return {"classes": 19, "parameters": count, "source": RELEASE, **more}


ROWS = {
    "segformer_b0": segformer(3_719_027, narrow=SMALL_MIT, dead=CONSTANT),
    "segformer_b1": segformer(13_682_131, same_as="segformer_b0"),
    "segformer_b2": segformer(27_361_235, same_as="segformer_b0"),
    "segformer_b3": segformer(47_237_075, same_as="segformer_b0"),
    "segformer_b4": segformer(64_007_635, same_as="segformer_b0"),
    "segformer_b5": segformer(84_607_955, same_as="segformer_b0"),
}
