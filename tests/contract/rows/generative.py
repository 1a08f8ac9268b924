"""The generative family: pix2pix and the Probabilistic U-Net."""

RELEASED = "the authors' PyTorch release, layer by layer"
TINY = {"depth": 4, "width": 8, "dropped": 1, "layers": 2}
ROWS = {
    "pix2pix_unet256": {
        "classes": 3,
        "parameters": 54_413_955,
        "source": RELEASED + ", generator of 3 channels to 3",
        "exclude": ("discriminator",),
        "narrow": TINY,
        "dead": (r"^discriminator/",),  # judges, and is not asked for logits
        "loss": {"name": "adversarial", "additional": (("l1", 100.0),)},
    },
    "pix2pix_unet128": {
        "classes": 3,
        "parameters": 41_828_995,
        "source": RELEASED + ": 54,413,955 - 4,194,304 - 8,388,608 - 2,048",
        "exclude": ("discriminator",),
        "same_as": "pix2pix_unet256",
    },
    "prob_unet": {
        "classes": 2,
        "channels": 1,
        "parameters": 27_499_386,
        "source": "U-Net 11,773,536 + prior 7,861,452 + posterior 7,862,028 + 2,370",
        "narrow": {"widths": (8, 12, 16), "convs": 2},
        "dead": (r"^posterior/",),  # sees the label, in training
    },
    "prob_unet_cityscapes": {
        "classes": 24,
        "parameters": 17_954_736,
        "source": "the authors' release: 9,231,456 + 4,356,108 + 4,363,020 + 4,152",
        "same_as": "prob_unet",
    },
}
