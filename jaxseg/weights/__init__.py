"""Import of foreign checkpoints, and export to PyTorch's names."""

from jaxseg.weights.adapt import adapt_kernel
from jaxseg.weights.card import Card, Normalisation, read_card
from jaxseg.weights.catalogue import SOURCES, detect
from jaxseg.weights.convert import convert, to_torch
from jaxseg.weights.files import read, write
from jaxseg.weights.load import Imported, load, read_into
from jaxseg.weights.report import Report
from jaxseg.weights.rules import Rules
from jaxseg.weights.sources import Network, Source

__all__ = [
    "SOURCES",
    "Card",
    "Imported",
    "Network",
    "Normalisation",
    "Report",
    "Rules",
    "Source",
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
