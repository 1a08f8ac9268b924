"""Networks of point clouds; their inputs are positions and features, [B, N, 3] each."""

ROWS = {
    "point_transformer": {
        "classes": 13,
        "parameters": 7_767_729,
        "source": "the authors' S3DIS network and Pointcept's Seg50, built and counted",
        "task": "points",
        "size": (160, 160),
        "narrow": {"widths": (8, 16), "blocks": (1, 1), "neighbors": (4, 6)},
        # A bias before normalization, or of scores that softmax compares, is canceled.
        "dead": (
            r"linear/bias$",
            r"(query|key|value|position_in|position_out|score_in|score_out)/bias$",
        ),
    },
}
