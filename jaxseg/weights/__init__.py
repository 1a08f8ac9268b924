"""Imports checkpoints of other libraries; exports weights for PyTorch networks."""

from jaxseg.weights.catalog.detection import SOURCES, detect
from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.formats.files import read, write
from jaxseg.weights.loading import Imported, load, read_into
from jaxseg.weights.translate.convert import convert, to_torch
from jaxseg.weights.translate.input_channels import adapt_kernel
from jaxseg.weights.translate.model_card import Card, Normalization, read_card
from jaxseg.weights.translate.report import ConversionReport
from jaxseg.weights.translate.rules import Rules

__all__ = [
    "SOURCES",
    "Card",
    "ConversionReport",
    "Imported",
    "Normalization",
    "Rules",
    "Source",
    "SourceNetwork",
    "adapt_kernel",
    "convert",
    "detect",
    "load",
    "read",
    "read_card",
    "read_into",
    "to_torch",
    "write",
]
