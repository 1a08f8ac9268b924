"""Draws the blocks of a network as SVG: rows are strides, columns are the order."""

import dataclasses
import math
import re
import textwrap
from xml.sax.saxutils import escape

from family_pages.trace import IMAGE, LOGITS, Block

COLUMN, LINE, TOP, LEFT = 94, 15, 30, 44
GAP, LETTER, LONGEST = 14, 7.2, 11  # Between boxes, of bold text, and of a line.
COLORS = {  # Fill and border by the part of the network.
    "ends": ("#eceff1", "#607d8b"),
    "encoder": ("#dbe9f6", "#2f6f9f"),
    "decoder": ("#fde9d0", "#b8701a"),
    "atrous": ("#d9efdc", "#2b7a3d"),
}
ENCODER = re.compile(
    r"(backbone|(\w+/)?down|enc|(\w+/)encoder|stem|conv|fc\d|bottleneck|context|spatial)"
)


@dataclasses.dataclass
class Box:
    """Is a block with its place: left and top corner, width and height in pixels."""

    block: Block
    column: int
    row: int
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


WORDS = (
    "Rows: size relative to the image. Numbers: channels. Green: atrous convolution."
)
CLOUD_WORDS = "Rows: number of points relative to the cloud. Numbers: channels."


def draw(blocks: list[Block], title: str) -> str:
    """Returns the picture of a network.

    Args:
      blocks: The blocks in the order of computation, see `trace.trace_blocks`.
      title: The description for readers who cannot see the picture.
    """
    cloud = blocks[0].shape[1] == 1
    boxes = _placed(blocks)
    rows = sorted({box.row for box in boxes.values()})
    tops, y = {}, TOP
    for row in rows:
        tops[row] = y
        y += _row_height(boxes, row)
    _set_sizes(boxes, tops)
    width = LEFT + COLUMN * (1 + max(box.column for box in boxes.values())) + 8
    parts = [_row(boxes, row, (tops[row], width)) for row in rows]
    parts += [
        _edge(boxes, source, box)
        for box in boxes.values()
        for source in box.block.sources
    ]
    parts += [_box(box) for box in boxes.values()]
    return _svg(parts, (width, y + 6), (title, CLOUD_WORDS if cloud else WORDS))


def _placed(blocks):
    """Gives every block the column after its last source, and the row of its stride."""
    image = next(block for block in blocks if block.name == IMAGE)
    boxes = {}
    for block in blocks:
        columns = [boxes[s].column for s in block.sources if s in boxes]
        row = max((boxes[s].row for s in block.sources if s in boxes), default=0)
        if block.shape:  # A vector stays in the row of the map that it comes from.
            row = max(0, round(math.log2(image.shape[0] / block.shape[0])))
        boxes[block.name] = Box(block, 1 + max(columns, default=-1), row)
    return boxes


def _stack(boxes, row):
    """The largest number of boxes that share a column in a row."""
    columns = [box.column for box in boxes.values() if box.row == row]
    return max(columns.count(column) for column in set(columns))


def _row_height(boxes, row):
    heights = {}
    for box in boxes.values():
        if box.row == row:
            heights[box.column] = heights.get(box.column, 0) + _height(box.block) + 8
    return max(heights.values()) + 16


def _height(block):
    return 8 + LINE * len(_text(block))


def _set_sizes(boxes, tops):
    used = {}
    for box in boxes.values():
        place = (box.row, box.column)
        y = used.get(place, tops[box.row] + 8)
        channels = box.block.shape[2] if box.block.shape else 1
        letters = max(len(line) for line in _text(box.block))
        wide = max(LETTER * letters + 8, 26 + 4 * math.log2(max(2, channels)))
        box.width = min(COLUMN - GAP, wide)
        box.height = _height(box.block)
        box.x = LEFT + COLUMN * box.column + (COLUMN - box.width) / 2
        box.y = y
        used[place] = y + box.height + 8


def _text(block):
    """The lines inside a box: name, channels, rates."""
    lines = _name_lines(block)
    if block.shape:
        lines.append(f"{block.shape[2]}" + (" ch" if block.name == IMAGE else ""))
    if block.rates:
        rates = ", ".join(map(str, _short(sorted(block.rates))))
        long = len(f"rate {rates}") > LONGEST
        lines += ["rates", rates] if long else [f"rate {rates}"]
    return lines


def _name_lines(block):
    """The name in lines that fit into a box."""
    cloud = block.shape and block.shape[1] == 1
    name = "points" if cloud and block.name == IMAGE else block.name
    return textwrap.wrap(_label(name), LONGEST, break_long_words=False)


def _short(rates):
    return rates if len(rates) < 4 else [rates[0], rates[1], "…", rates[-1]]


def _label(name):
    return name.rpartition("/")[2].partition(":")[0].replace("_", " ")


def _kind(block):
    if block.name in (IMAGE, LOGITS):
        return "ends"
    if block.rates:
        return "atrous"
    return "encoder" if ENCODER.match(block.name) else "decoder"


def _row(boxes, row, place):
    top, width = place
    height = _row_height(boxes, row)
    stride = f"1/{2**row}" if row else "1"
    return (
        f'<rect x="0" y="{top}" width="{width}" height="{height}" '
        f'fill="{"#f7f8fa" if row % 2 else "#ffffff"}"/>'
        f'<text x="10" y="{top + height / 2 + 4:.0f}" class="s">{stride}</text>'
    )


def _edge(boxes, source, box):
    """A curve from the right side of the source to the left side of the box.

    If other boxes of the row of the source are in the way, it passes above them.
    """
    if source not in boxes:
        return ""
    start = boxes[source]
    x1, y1 = start.x + start.width, start.y + start.height / 2
    x2, y2 = box.x, box.y + box.height / 2
    far = box.column - start.column > 1
    between = [
        other
        for other in boxes.values()
        if start.column < other.column < box.column and other.row == start.row
    ]
    style = ' class="f"' if far else ""
    if between:
        top = min(other.y for other in between) - 6
        left, right = x1 + 11, x2 - 13
        bend = f"C{x1 + 9:.0f} {y1:.0f} {x1:.0f} {top:.0f} {left:.0f} {top:.0f}"
        bend += f"L{right:.0f} {top:.0f}"
        bend += f"C{x2 - 3:.0f} {top:.0f} {x2 - 13:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        return f'<path d="M{x1:.0f} {y1:.0f}{bend}"{style}/>'
    half = min(40, (x2 - x1) / 2)
    turn = x2 - half
    bend = f"L{turn - half:.0f} {y1:.0f}C{turn:.0f} {y1:.0f} {turn:.0f} {y2:.0f}"
    bend += f" {x2:.0f} {y2:.0f}"
    return f'<path d="M{x1:.0f} {y1:.0f}{bend}"{style}/>'


def _box(box):
    fill, border = COLORS[_kind(box.block)]
    middle, names = box.x + box.width / 2, len(_name_lines(box.block))
    lines = [
        f'<text x="{middle:.0f}" y="{box.y + LINE * (i + 1):.0f}"'
        f"{BOLD if i < names else ''}>{escape(line)}</text>"
        for i, line in enumerate(_text(box.block))
    ]
    return (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" '
        f'height="{box.height:.0f}" rx="4" fill="{fill}" stroke="{border}"/>'
        + "".join(lines)
    )


BOLD = ' class="n"'
STYLE = (
    "text{font:11px sans-serif;text-anchor:middle;fill:#263238}"
    ".n{font-weight:600}.s{font-size:12px;text-anchor:start;fill:#546e7a}"
    ".h{text-anchor:start;fill:#546e7a}"
    "path{fill:none;stroke:#78909c;stroke-width:1.4;marker-end:url(#a)}"
    ".f{stroke:#b0486f}"
)


def _svg(parts, size, words):
    (width, height), (title, legend) = size, words
    head = f'<text x="10" y="19" class="h">{legend}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img"><title>{escape(title)}</title><style>{STYLE}</style>'
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" '
        'style="fill:#78909c;stroke:none;marker-end:none"/></marker></defs>'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>{head}'
        + "\n".join(filter(None, parts))
        + "</svg>\n"
    )
