"""Draws tiny copies of published datasets of aerial images, with their labels."""

import numpy as np
from PIL import Image

from jaxseg.data.datasets.potsdam import SPLITS as TILES
from jaxseg.data.datasets.vaihingen import SPLITS as AREAS
from tests.data.image_files import write_tiff
from tests.data.published_files import Copy, save_colors, save_mask, save_photo

VOID = 255


def draw_loveda(root):
    """Every value in a town, and a test image without a mask."""
    rows = {"Train/Urban/1": range(8), "Train/Rural/9": [0, 7, 7, 1]}
    rows |= {"Val/Urban/21": [3, 2], "Val/Rural/30": [0, 0]}
    for place, row in rows.items():
        folder, _, name = place.rpartition("/")
        save_photo(root / folder / f"images_png/{name}.png", len(row))
        save_mask(root / folder / f"masks_png/{name}.png", row)
    save_photo(root / "Test/Urban/images_png/50.png", 4)


LOVEDA_TOWNS = {"train": {"1": [VOID, *range(7)]}, "validation": {"21": [2, 1]}}
LOVEDA_COUNTRY = {
    "train": {"9": [VOID, 6, 6, 0]},
    "validation": {"30": [VOID, VOID]},
}
LOVEDA = {k: LOVEDA_TOWNS[k] | LOVEDA_COUNTRY[k] for k in LOVEDA_TOWNS}
ISAID_COLORS = [(0, 0, 0), (0, 0, 63), (0, 63, 63), (0, 63, 0), (0, 63, 127)]
ISAID_COLORS += [(0, 63, 191), (0, 63, 255), (0, 127, 63), (0, 127, 127), (0, 0, 127)]
ISAID_COLORS += [(0, 0, 191), (0, 0, 255), (0, 191, 127), (0, 127, 191), (0, 127, 255)]
ISAID_COLORS += [(0, 100, 155)]


def draw_isaid(root):
    """All colors; instance masks must not be read. One mask is a BMP named .png."""
    for split, name in (("train", "P0000"), ("train", "P0002"), ("val", "P0003")):
        masks = root / split / "Semantic_masks/images"
        save_photo(root / split / f"images/{name}.png", 16)
        save_colors(masks / f"{name}_instance_color_RGB.png", ISAID_COLORS)
        save_colors(masks / f"{name}_instance_id_RGB.png", [(9, 9, 9)] * 16)
    mask = masks / f"{name}_instance_color_RGB.png"
    Image.open(mask).save(mask, format="BMP")
    save_photo(root / "test/images/P0006.png", 3)


def isaid(row):
    return {
        "train": {"P0000": row, "P0002": row},
        "validation": {"P0003": row},
    }


# Impervious surface, building, low vegetation, tree, car, clutter, eroded border.
ISPRS_COLORS = [(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0)]
ISPRS_COLORS += [(255, 255, 0), (255, 0, 0), (0, 0, 0)]
WHOLE = ISPRS_COLORS[:6] + ISPRS_COLORS[:1]
ERODED_ROW = [0, 1, 2, 3, 4, 5, VOID]
WHOLE_ROW = [0, 1, 2, 3, 4, 5, 0]


def draw_potsdam(root):
    """All tiles in two kinds of channels, with both kinds of masks."""
    for tiles in TILES.values():
        for name in (f"top_potsdam_{tile}" for tile in tiles):
            save_photo(root / f"2_Ortho_RGB/{name}_RGB.tif", 7)
            save_photo(root / f"3_Ortho_IRRG/{name}_IRRG.tif", 7)
            folder = root / "5_Labels_all_noBoundary"
            save_colors(folder / f"{name}_label_noBoundary.tif", ISPRS_COLORS)
            save_colors(root / f"5_Labels_all/{name}_label.tif", WHOLE)


def potsdam(row, without=()):
    return {
        split: {f"top_potsdam_{tile}": row for tile in tiles if tile not in without}
        for split, tiles in TILES.items()
    }


def draw_vaihingen(root):
    """All areas and both kinds of masks; area 9 has no image."""
    for area in [*AREAS["train"], *AREAS["validation"], 9]:
        name = f"top_mosaic_09cm_area{area}"
        if area != 9:
            save_photo(root / f"top/{name}.tif", 7)
        save_colors(root / f"gts_eroded/{name}_noBoundary.tif", ISPRS_COLORS)
        save_colors(root / f"gts/{name}.tif", WHOLE)


def vaihingen(row):
    return {
        split: {f"top_mosaic_09cm_area{area}": row for area in areas}
        for split, areas in AREAS.items()
    }


NO_CLUTTER = [0, 1, 2, 3, 4, VOID, 0]
AERIAL = (
    Copy("loveda", draw_loveda, LOVEDA),
    Copy("loveda", draw_loveda, LOVEDA_TOWNS, variant="urban"),
    Copy("loveda", draw_loveda, LOVEDA_COUNTRY, variant="rural"),
    Copy("isaid", draw_isaid, isaid(list(range(16)))),
    Copy(
        "isaid",
        draw_isaid,
        isaid([VOID, *range(15)]),
        variant="background-void",
    ),
    Copy("potsdam", draw_potsdam, potsdam(ERODED_ROW)),
    Copy(
        "potsdam",
        draw_potsdam,
        potsdam(NO_CLUTTER, without=("7_10",)),
        variant="boundary clutter-void irrg without-7-10",
    ),
    Copy("vaihingen", draw_vaihingen, vaihingen(ERODED_ROW)),
    Copy("vaihingen", draw_vaihingen, vaihingen(WHOLE_ROW), variant="boundary"),
)


def add_infrared(root):
    """Writes four channels into a file whose name promises three."""
    pixels = np.zeros((2, 7, 4), np.uint8)
    write_tiff(root / "2_Ortho_RGB/top_potsdam_2_10_RGB.tif", pixels, {338: (0,)})


AERIAL_BAD = (
    (
        "loveda",
        draw_loveda,
        lambda r: save_mask(r / "Val/Rural/masks_png/30.png", [8, 8]),
        "30.png: the mask value 8 is not in the label map",
    ),
    (
        "isaid",
        draw_isaid,
        lambda r: save_colors(
            r / "val/Semantic_masks/images/P0003_instance_color_RGB.png",
            [(63, 0, 0)] * 16,  # Blue and red are exchanged.
        ),
        "P0003_instance_color_RGB.png: the mask value 4128768 is not in the label map",
    ),
    (
        "potsdam",
        draw_potsdam,
        lambda r: save_colors(
            r / "5_Labels_all_noBoundary/top_potsdam_4_12_label_noBoundary.tif",
            [(252, 255, 0)] * 7,
        ),
        "4_12_label_noBoundary.tif: the mask value 16580352 is not in the label map",
    ),
    (
        "potsdam",
        draw_potsdam,
        add_infrared,
        "2_10_RGB.tif: The file has 4 channels: expected gray or RGB",
    ),
    (
        "vaihingen",
        draw_vaihingen,
        lambda r: (r / "top/top_mosaic_09cm_area38.tif").unlink(),
        "split 'validation': image 'top_mosaic_09cm_area38' is missing",
    ),
)
