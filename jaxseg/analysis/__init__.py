"""What a network is and does, for any callable on images."""

from jaxseg.analysis.cost import Cost, count_cost, count_parameters

__all__ = ["Cost", "count_cost", "count_parameters"]
