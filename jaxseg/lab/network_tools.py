"""Implements the tools of `jaxseg lab` that analyze receptive fields of networks."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg import analysis
from jaxseg.lab.maps import effective_field_map
from jaxseg.lab.networks import WIDTH, build, extents_at, extents_of, field_cell, noise
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.studied import StudiedNetwork
from jaxseg.lab.subject import subject_of
from jaxseg.viz import charts

# The image size at which a field is measured if JAX cannot see the network.
MEASURED = (193, 193)


@dataclasses.dataclass(frozen=True)
class Field(StudiedNetwork):
    """Find the theoretical receptive field of every module, without weights."""

    depth: int = 1
    """Levels of the module tree to list; 1 lists only the top-level modules."""

    def run(self) -> LabReport:
        extents, loose = self.extents()
        rows = []
        for name, extent in extents.items():
            cell = field_cell(extent)
            rows.append((name, cell, extent.jump, extent.touched, extent.coverage))
        report = LabReport(
            f"Receptive fields of {self.title}",
            "",
            [
                Table(
                    "Along the rows, in image pixels",
                    ("output", "field", "jump", "touched", "share touched"),
                    rows,
                )
            ],
            data={"extents": extents},
        )
        if loose:
            report.notes.append(f"upper bounds: no exact rule for {', '.join(loose)}")
        if self.callable is not None and "measured" in extents:
            report.notes.append(
                "lower bound: pixels with a nonzero gradient in 4 random images"
            )
        sizes = {n: float(e.size) for n, e in extents.items()}
        unit = charts.Axis("receptive field [image pixels]")
        bars, layout = (
            charts.Bars({"": sizes}, x=unit),
            charts.Layout.of_rows(len(sizes)),
        )
        report.figures["fields"] = charts.png(bars, layout)
        return report

    def extents(self) -> tuple[dict[str, analysis.Extent], list[str]]:
        """Returns the heights of receptive fields, and the primitives without a rule.

        The first result is a dictionary from the name of each output to the size of its
        receptive field along the image height (`Extent`). The outputs are those of all
        modules of a network of jaxseg. A network of the user has one output, "traced",
        or "measured" if JAX cannot see its operations. The second result is a sorted
        list of the names of the JAX primitives without an exact rule. Each output of
        these primitives is assumed to depend on each input.
        """
        if self.callable is None:
            extents, found = extents_of(build(self), self.depth)
        else:
            subject = subject_of(self, MEASURED)
            (fn,) = subject.functions.values()
            if subject.opaque:
                return {"measured": measured_extent(fn, noise(self, 4, MEASURED))}, []
            image = lambda height: subject.images((height, WIDTH))
            extents, found = extents_at(
                lambda height: {"traced": analysis.reach(fn, image(height))}
            )
        return extents, sorted({p for reach in found.values() for p in reach.loose})


def measured_extent(fn: analysis.ImageFunction, images: np.ndarray) -> analysis.Extent:
    """Measures the height of the receptive field of the middle output, by gradients.

    Args:
      fn: Maps images [N, H, W, C] to a map [N, h, w, K].
      images: Random images, float32 [N, H, W, C].

    Returns:
      The size of the receptive field along the image height, in pixels, as an `Extent`.
    """
    seen = analysis.support(fn, images).any(1)
    rows = np.flatnonzero(seen)
    height = fn(images[:1]).shape[1]
    low, high = int(rows[0]), int(rows[-1])
    return analysis.Extent(
        size=high - low + 1,
        touched=rows.size,
        jump=seen.size / height,
        clipped=low == 0 or high == seen.size - 1,
        whole=bool(seen.all()),
    )


@dataclasses.dataclass(frozen=True)
class Effective(StudiedNetwork):
    """Measure the effective receptive field, with random or trained weights."""

    size: tuple[int, int] = (193, 193)
    """Height and width of the random inputs in pixels."""
    images: int = 4
    """Number of random inputs over which the effective receptive field is averaged."""

    def run(self) -> LabReport:
        subject = subject_of(self, self.size)
        inputs = noise(self, self.images, self.size)
        rows, pictures, data = [], [], {}
        field = subject.theoretical(self.size)
        for name, fn in subject.functions.items():
            found = analysis.effective_field(fn, inputs)
            fit = analysis.gaussian_fit(found)
            share = None if field is None else analysis.effective_share(found, field)
            rows.append((name, *fit.sigma, fit.fit, share))
            data[name] = found
            pictures.append(effective_field_map(found, title=f"{name} weights"))
        columns = ("weights", "sigma rows", "sigma columns", "Gaussian fit")
        layout = charts.Layout(columns=2, width=4.6, height=3.8)
        return LabReport(
            f"Effective receptive field of {self.title}",
            command="",
            tables=[Table("Mean squared gradient", (*columns, "area / field"), rows)],
            figures={"effective_field": charts.png(pictures, layout)},
            data={"fields": data, "theoretical_field": field},
        )
