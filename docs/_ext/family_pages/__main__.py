"""Updates the pages of the families.

python docs/_ext/family_pages                      the tables of all pages
python docs/_ext/family_pages strides [PRESET ...] strides.json, minutes for all
python docs/_ext/family_pages pictures [PAGE ...]  the pictures of all pages, or of some
"""

import pathlib
import sys

EXTENSIONS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(EXTENSIONS), str(EXTENSIONS.parents[1])]


def main() -> None:
    """Runs the part that the command line names."""
    from family_pages import pictures, strides, write

    part, *names = sys.argv[1:] or [""]
    if part:
        {"pictures": pictures.write, "strides": strides.write}[part](names)
    else:
        write.write()


if __name__ == "__main__":
    main()
