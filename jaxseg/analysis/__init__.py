"""Computes the cost, memory, receptive fields and gridding artifacts of networks.

The functions accept any JAX function that takes images, not only models of jaxseg.
"""

from jaxseg.analysis.atrous.checkerboard import (
    grid_energy,
    overlap,
    overlap_phases,
    phase_energy,
    ripple,
    spectrum,
    unevenness,
)
from jaxseg.analysis.atrous.consistency import (
    Shift,
    atrous_gap,
    output_stride_gaps,
    shift_consistency,
)
from jaxseg.analysis.atrous.effective_field import (
    Gaussian,
    effective_field,
    effective_share,
    gaussian_fit,
    gradients,
    support,
)
from jaxseg.analysis.atrous.frequency import (
    frequency_response,
    impulse_response,
    passband_copies,
    stack_response,
)
from jaxseg.analysis.atrous.gridding import (
    Gridding,
    coverage,
    evenness,
    gridding_of,
    hdc_m2,
    hole_free,
    minimal_depth,
    minimal_kernel,
    path_counts,
    touched,
    union_coverage,
)
from jaxseg.analysis.atrous.plans import RatePlan, recommend, search
from jaxseg.analysis.atrous.receptive_field import (
    Field,
    Layer,
    chain,
    enlarged,
    parallel,
    path_sigma,
    stages,
    through,
)
from jaxseg.analysis.atrous.valid_taps import valid_counts, valid_fraction, valid_shares
from jaxseg.analysis.jaxpr.cost import Cost, count_cost, count_parameters
from jaxseg.analysis.jaxpr.dependence import Lines, Reach, reach
from jaxseg.analysis.jaxpr.field_size import Extent, extent, field
from jaxseg.analysis.jaxpr.layer_cost import LayerCost, grouped, layer_costs
from jaxseg.analysis.jaxpr.memory import PeakMemory, peak_memory

__all__ = [
    "Cost",
    "Extent",
    "Field",
    "Gaussian",
    "Gridding",
    "Layer",
    "LayerCost",
    "Lines",
    "PeakMemory",
    "RatePlan",
    "Reach",
    "Shift",
    "atrous_gap",
    "chain",
    "count_cost",
    "count_parameters",
    "coverage",
    "effective_field",
    "effective_share",
    "enlarged",
    "evenness",
    "extent",
    "field",
    "frequency_response",
    "gaussian_fit",
    "gradients",
    "grid_energy",
    "gridding_of",
    "grouped",
    "hdc_m2",
    "hole_free",
    "impulse_response",
    "layer_costs",
    "minimal_depth",
    "minimal_kernel",
    "output_stride_gaps",
    "overlap",
    "overlap_phases",
    "parallel",
    "passband_copies",
    "path_counts",
    "path_sigma",
    "peak_memory",
    "phase_energy",
    "reach",
    "recommend",
    "ripple",
    "search",
    "shift_consistency",
    "spectrum",
    "stack_response",
    "stages",
    "support",
    "through",
    "touched",
    "unevenness",
    "union_coverage",
    "valid_counts",
    "valid_fraction",
    "valid_shares",
]
