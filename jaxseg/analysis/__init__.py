"""Computes the cost, memory, receptive fields and gridding artifacts of networks.

The functions accept any JAX function that takes images, not only models of jaxseg.
"""

from jaxseg.analysis.atrous.axis_plans import AxisPlan, recommend_axes
from jaxseg.analysis.atrous.checkerboard import (
    grid_energy,
    overlap,
    overlap_phases,
    phase_energy,
    ripple,
    spectrum,
    unevenness,
)
from jaxseg.analysis.atrous.closed_forms import (
    ChainTheory,
    chain_theory,
    expected_response,
    product_coefficients,
    sampled_response,
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
from jaxseg.analysis.atrous.plans import RatePlan, needed_cells, recommend, search
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
from jaxseg.analysis.atrous.trade_off import (
    PlanLimits,
    exhaustive_plans,
    lists_of_rates,
    pareto_plans,
    stack_cost,
)
from jaxseg.analysis.atrous.valid_taps import valid_counts, valid_fraction, valid_shares
from jaxseg.analysis.foreign.adapt import image_function
from jaxseg.analysis.foreign.image_function import ImageFunction, from_function
from jaxseg.analysis.foreign.init_apply import from_init_apply
from jaxseg.analysis.foreign.keras_model import from_keras
from jaxseg.analysis.foreign.nnx_module import from_nnx
from jaxseg.analysis.foreign.torch_autograd import from_torch
from jaxseg.analysis.foreign.weights import weights_as_arguments
from jaxseg.analysis.jaxpr.cost import Cost, count_cost, count_parameters
from jaxseg.analysis.jaxpr.dependence import Lines, Reach, reach
from jaxseg.analysis.jaxpr.field_size import Extent, extent, field
from jaxseg.analysis.jaxpr.layer_cost import LayerCost, grouped, layer_costs
from jaxseg.analysis.jaxpr.memory import PeakMemory, peak_memory

__all__ = [
    "AxisPlan",
    "ChainTheory",
    "Cost",
    "Extent",
    "Field",
    "Gaussian",
    "Gridding",
    "ImageFunction",
    "Layer",
    "LayerCost",
    "Lines",
    "PeakMemory",
    "PlanLimits",
    "RatePlan",
    "Reach",
    "Shift",
    "atrous_gap",
    "chain",
    "chain_theory",
    "count_cost",
    "count_parameters",
    "coverage",
    "effective_field",
    "effective_share",
    "enlarged",
    "evenness",
    "exhaustive_plans",
    "expected_response",
    "extent",
    "field",
    "frequency_response",
    "from_function",
    "from_init_apply",
    "from_keras",
    "from_nnx",
    "from_torch",
    "gaussian_fit",
    "gradients",
    "grid_energy",
    "gridding_of",
    "grouped",
    "hdc_m2",
    "hole_free",
    "image_function",
    "impulse_response",
    "layer_costs",
    "lists_of_rates",
    "minimal_depth",
    "minimal_kernel",
    "needed_cells",
    "output_stride_gaps",
    "overlap",
    "overlap_phases",
    "parallel",
    "pareto_plans",
    "passband_copies",
    "path_counts",
    "path_sigma",
    "peak_memory",
    "phase_energy",
    "product_coefficients",
    "reach",
    "recommend",
    "recommend_axes",
    "ripple",
    "sampled_response",
    "search",
    "shift_consistency",
    "spectrum",
    "stack_cost",
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
    "weights_as_arguments",
]
