"""What is wrong with a checkpoint, collected so that one error tells it all."""

import dataclasses


@dataclasses.dataclass
class Problems:
    """Entries that do not fit, by kind."""

    missing: list[str] = dataclasses.field(default_factory=list)
    unused: list[str] = dataclasses.field(default_factory=list)
    doubled: list[str] = dataclasses.field(default_factory=list)
    misshaped: dict[str, str] = dataclasses.field(default_factory=dict)
    wrong_dtype: dict[str, str] = dataclasses.field(default_factory=dict)

    def raise_if_any(self, *, total: int) -> None:
        """Raises one ValueError that lists every problem; returns if there is none."""
        groups = {
            "missing from the source": self.missing,
            "unused in the source": self.unused,
            "of another shape": list(self.misshaped.values()),
            "of another kind of number": list(self.wrong_dtype.values()),
            "written twice": self.doubled,
        }
        lines = [_paragraph(name, entries) for name, entries in groups.items()]
        if any(lines):
            raise ValueError(
                f"the weights do not fit the model's {total} tensors\n"
                + "\n".join(line for line in lines if line)
                + _HINT
            )


_HINT = (
    "\nallow_missing=('head/*',) lets parts of the model keep fresh values, "
    "allow_unused=('fc.*',) ignores parts of the source"
)


def _paragraph(name: str, entries: list[str]) -> str:
    if not entries:
        return ""
    return f"  {len(entries)} {name}:\n    " + "\n    ".join(entries)
