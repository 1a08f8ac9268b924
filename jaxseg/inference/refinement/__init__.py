"""Refines the prediction for one image: dense CRF, thresholds, graph cut, cleaning."""

from jaxseg.inference.refinement.chain import RefinedImage as RefinedImage
from jaxseg.inference.refinement.chain import Refiner as Refiner
from jaxseg.inference.refinement.components import fill_holes as fill_holes
from jaxseg.inference.refinement.components import remove_small as remove_small
from jaxseg.inference.refinement.options import CRF as CRF
from jaxseg.inference.refinement.options import Clean as Clean
from jaxseg.inference.refinement.options import GraphCut as GraphCut
from jaxseg.inference.refinement.options import Refinement as Refinement
