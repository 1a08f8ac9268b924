"""Finds import tables by name, for the option `--export-names`."""

import importlib
import pkgutil

from jaxseg.weights.catalog import maps
from jaxseg.weights.translate.rules import Rules


def table_names() -> list[str]:
    """Returns the names of the modules that map parameter names of other libraries."""
    return sorted(module.name for module in pkgutil.iter_modules(maps.__path__))


def read_table(table: str) -> Rules:
    """Returns a table of `jaxseg.weights.catalog.maps`, or several joined into one.

    Args:
      table: The names of the tables, joined by `+`. `module` selects the table `MAP` of
        that module, and `module:NAME` its table `NAME`. For example, `a:X+Y+b` joins
        `X` and `Y` of module `a` with `MAP` of module `b`.

    Raises:
      ImportError: If there is no such module.
      AttributeError: If the module has no such table.
    """
    rules: Rules = ()
    module = ""
    for part in table.split("+"):
        name = part
        if not part.isupper():
            module, _, name = part.partition(":")
        found = importlib.import_module(f"jaxseg.weights.catalog.maps.{module}")
        rules += getattr(found, name or "MAP")
    return rules
