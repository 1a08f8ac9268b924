"""Updates the pages of the families.

    python docs/_ext/family_pages            the tables of all pages
    python docs/_ext/family_pages strides    strides.json, which takes minutes
"""

import pathlib
import sys

EXTENSIONS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(EXTENSIONS), str(EXTENSIONS.parents[1])]


def main() -> None:
    """Runs the part that the command line names."""
    from family_pages import strides, write

    {"strides": strides.write, "": write.write}[" ".join(sys.argv[1:])]()


if __name__ == "__main__":
    main()
