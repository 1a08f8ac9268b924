"""Semantic segmentation in JAX and Flax.

>>> import jaxseg
>>> model = jaxseg.create_model("unet", num_classes=11)
"""

from jaxseg.models import create_model, list_models

__version__ = "0.1.0"
__all__ = ["__version__", "create_model", "list_models"]
