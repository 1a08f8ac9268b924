"""Boxes of large files have the pixels that the reader returns for the whole file."""

import numpy as np
import pytest

from jaxseg.data.large.rows_file import RowsFile
from jaxseg.data.large.tiff_writer import write_tiff
from jaxseg.data.reader import ReadOptions, open_boxes, read_pixels

tifffile = pytest.importorskip("tifffile")
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (150, 210, 3), np.uint8)
WIDE = RNG.integers(0, 65536, (150, 210, 5), np.uint16)
STORED = ReadOptions(pixels="stored")
RANGED = ReadOptions(range=(1000, 50000))
TILED = {"tile": (32, 48), "photometric": "rgb"}
PLANAR = {"planarconfig": "separate", "photometric": "rgb"}
CONTIG = {"planarconfig": "contig", "photometric": "minisblack"}
FILES = {
    "tiles": (RGB, {**TILED, "compression": "zlib"}, ReadOptions()),
    "strips": (RGB, {"rowsperstrip": 7, "compression": "lzw"}, ReadOptions()),
    "one_strip": (RGB, {"compression": "zlib"}, ReadOptions()),
    "plain": (RGB, {"photometric": "rgb"}, ReadOptions()),
    "alpha": (RGB[..., [0, 1, 2, 0]], {**TILED, "extrasamples": [2]}, ReadOptions()),
    "gray": (RGB[..., 0], {"tile": (64, 16)}, ReadOptions()),
    "gray_stored": (RGB[..., 0], {}, STORED),
    "range": (WIDE[..., 0], {"tile": (16, 16), "compression": "zlib"}, RANGED),
    "wide": (WIDE, {"tile": (32, 32), **CONTIG}, STORED),
    "big_endian": (WIDE[..., :3], {"byteorder": ">", "photometric": "rgb"}, STORED),
    "planar": (np.moveaxis(WIDE[..., :3], 2, 0), PLANAR, STORED),
    "planar_tiles": (
        np.moveaxis(WIDE[..., :3], 2, 0),
        {**PLANAR, "tile": (64, 64), "compression": "lzw", "predictor": True},
        STORED,
    ),
    "float": (
        WIDE.astype(np.float32),
        {"tile": (32, 32), "bigtiff": True, **CONTIG},
        STORED,
    ),
}
BOXES = [(0, 0, 150, 210), (0, 0, 1, 1), (149, 209, 150, 210), (31, 47, 33, 145)]


def same_boxes(path, options):
    whole = read_pixels(path, options)
    image = open_boxes(path, options)
    assert image.size == whole.shape[:2]
    assert (image.channels, image.dtype) == (whole.shape[2], whole.dtype)
    for box in [*BOXES, *BOXES]:
        expected = whole[box[0] : box[2], box[1] : box[3]]
        np.testing.assert_array_equal(image.read(box), expected)
    image.close()


@pytest.mark.parametrize("name", FILES)
def test_boxes_of_a_tiff_are_those_of_the_reader(name, tmp_path):
    array, settings, options = FILES[name]
    path = tmp_path / "image.tif"
    byteorder = settings.get("byteorder", "<")
    more = {k: v for k, v in settings.items() if k not in ("byteorder", "bigtiff")}
    with tifffile.TiffWriter(
        path, byteorder=byteorder, bigtiff="bigtiff" in settings
    ) as file:
        file.write(array, **more)
    same_boxes(path, options)


@pytest.mark.parametrize("array", [RGB, RGB[..., 0], WIDE, WIDE.astype(">f4")])
def test_boxes_of_an_array_are_those_of_the_reader(array, tmp_path):
    path = tmp_path / "image.npy"
    np.save(path, array)
    same_boxes(path, ReadOptions() if array.dtype == np.uint8 else STORED)


@pytest.mark.parametrize(
    ("array", "settings", "options", "message"),
    [
        (WIDE[..., 0], {}, ReadOptions(), "range of the file's uint16 gray values"),
        (WIDE[..., 0].astype(np.int16), {}, STORED, "have the type int16"),
        (RGB[..., 0], {"photometric": "miniswhite"}, ReadOptions(), "MINISWHITE"),
        (RGB[..., [0, 1, 2, 0]], {"extrasamples": [1]}, STORED, "multiplied by its al"),
        (RGB, {"extratags": [(274, 3, 1, 6, True)]}, STORED, "orientation tag 6"),
        (RGB, {}, ReadOptions(channels=1, pixels="stored"), "data.channels=1"),
    ],
)
def test_what_the_reader_refuses_is_refused(
    array, settings, options, message, tmp_path
):
    path = tmp_path / "image.tif"
    more = {"photometric": "rgb"} if array.ndim == 3 else {}
    tifffile.imwrite(path, array, **{**more, **settings})
    with pytest.raises(ValueError, match=message) as error:
        open_boxes(path, options)
    assert str(error.value).startswith(str(path))


def test_other_files_are_not_opened_and_damage_is_named(tmp_path):
    assert open_boxes(tmp_path / "image.png") is None
    np.save(tmp_path / "column.npy", np.asfortranarray(RGB))
    with pytest.raises(ValueError, match="column-major"):
        open_boxes(tmp_path / "column.npy")
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", tile=(64, 64))
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(ValueError, match=r"cut\.tif"):
        open_boxes(path)


def test_labels_are_written_with_palette_and_georeference(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    source, target = tmp_path / "source.tif", tmp_path / "labels.tif"
    transform = rasterio.transform.from_origin(500_000.0, 4_000_000.0, 0.25, 0.5)
    profile = {"driver": "GTiff", "height": 150, "width": 210, "count": 3}
    profile |= {"dtype": "uint8", "crs": "EPSG:32633", "transform": transform}
    with rasterio.open(source, "w", tiled=True, compress="deflate", **profile) as file:
        file.write(np.moveaxis(RGB, 2, 0))
    image = open_boxes(source)
    labels = RNG.integers(0, 7, (1100, 700), np.uint8)
    palette = RNG.integers(0, 256, (7, 3), np.uint8)
    write_tiff(
        target,
        lambda first, last: labels[first:last],
        shape=labels.shape,
        dtype=labels.dtype,
        palette=palette,
        geo=image.geo,
    )
    with rasterio.open(target) as found:
        np.testing.assert_array_equal(found.read(1), labels)
        assert found.crs == rasterio.CRS.from_epsg(32633)
        assert found.transform == transform
        assert found.profile["tiled"] and found.profile["compress"] == "deflate"
        assert found.colormap(1)[3][:3] == tuple(palette[3])
    same_boxes(source, ReadOptions())


def test_rows_continue_only_what_they_were_computed_from(tmp_path):
    labels = RNG.integers(0, 9, (40, 30), np.uint8)
    origin = {"weights": "abc", "window": [8, 8]}
    path = tmp_path / "labels.part"
    rows = RowsFile(path, labels.shape, labels.dtype, origin)
    assert rows.start() == 0
    rows.write(0, labels[:12])
    again = RowsFile(path, labels.shape, labels.dtype, dict(origin, window=(8, 8)))
    assert again.start() == 12
    other = RowsFile(path, labels.shape, labels.dtype, {**origin, "weights": "def"})
    with pytest.raises(ValueError, match=r"with weights='def', found weights='abc'"):
        other.start()
    again.write(12, labels[12:])
    np.testing.assert_array_equal(again.read(5, 38), labels[5:38])
    again.become(tmp_path / "labels.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), labels)
    assert [file.name for file in tmp_path.iterdir()] == ["labels.npy"]
    rows.start()
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="mask file of 1328 bytes"):
        rows.start()
    rows.state.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        rows.start()
