"""Reads the text of an MMSegmentation configuration without executing it.

MMEngine writes a configuration as Python source (`Config.pretty_text`) and stores that
text in every checkpoint. The source is parsed, never executed: calls of `dict`, literal
dicts, lists, tuples and constants become Python values, and every other expression
becomes None.
"""

import ast
from collections.abc import Mapping
from typing import Any

_LONGEST = 100_000  # In characters. The longest of MMSegmentation 1.2.2 has 41,732.


def read(text: Any) -> dict[str, Any]:
    """Reads the values that the text of an MMSegmentation configuration assigns.

    Only assignments at the top level of the text count.

    Args:
      text: The value that the checkpoint stores as its configuration. It may have any
        type.

    Returns:
      A dictionary from variable name to value. It is empty if `text` is not valid
      Python source.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {
        node.targets[0].id: _plain(node.value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def field(tree: Any, path: str, default: Any = None) -> Any:
    """Returns the value at a dotted path of nested dicts.

    >>> field({"backbone": {"depth": 50}}, "backbone.depth")
    50

    Args:
      tree: The nested dicts.
      path: The names, separated by dots.
      default: The result if there is no such value.
    """
    for name in path.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return default
        tree = tree[name]
    return tree


def _plain(node: ast.expr) -> Any:
    """Returns the value of an expression.

    Python's tokenizer bounds the nesting of brackets.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_plain(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return _pairs(zip(node.keys, node.values, strict=True))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _plain(node.operand) if isinstance(node.operand, ast.Constant) else None
        return -value if isinstance(value, int | float) else None
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
        found = {word.arg: _plain(word.value) for word in node.keywords}
        for item in node.args:
            value = _plain(item)
            found |= value if isinstance(value, dict) else {}
        return found
    return None


def _pairs(pairs) -> dict[str, Any]:
    return {
        key.value: _plain(value)
        for key, value in pairs
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
