"""Reads, draws and writes the polygon annotations of labeling tools.

`read_annotations` reads COCO, labelme, Label Studio and Cityscapes files, `draw_labels`
converts an annotated image to a label map, and `write_folder` writes a folder of masks
for training with `--data.name folder`. In the other direction, `encode_rle` converts
masks to the run-length encoding of COCO, and `label_features` converts label maps to
GeoJSON.
"""

from jaxseg.data.polygons.annotation import AnnotatedImage, DrawRules, Shape
from jaxseg.data.polygons.coco import read_coco
from jaxseg.data.polygons.draw import draw_labels, fill_rings
from jaxseg.data.polygons.folder import read_annotations, write_folder
from jaxseg.data.polygons.geojson import label_features
from jaxseg.data.polygons.label_studio import read_label_studio
from jaxseg.data.polygons.labelme import read_cityscapes_polygons, read_labelme
from jaxseg.data.polygons.rle import coco_annotations, decode_rle, encode_rle
from jaxseg.data.polygons.trace import trace_rings

__all__ = [
    "AnnotatedImage",
    "DrawRules",
    "Shape",
    "coco_annotations",
    "decode_rle",
    "draw_labels",
    "encode_rle",
    "fill_rings",
    "label_features",
    "read_annotations",
    "read_cityscapes_polygons",
    "read_coco",
    "read_label_studio",
    "read_labelme",
    "trace_rings",
    "write_folder",
]
