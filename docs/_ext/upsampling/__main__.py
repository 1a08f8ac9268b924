"""Updates the pictures and the table of docs/guide/upsampling.md.

python docs/_ext/upsampling            the pictures and the table
python docs/_ext/upsampling networks   networks.json, which takes minutes
"""

import pathlib
import sys

EXTENSIONS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(EXTENSIONS), str(EXTENSIONS.parents[1])]


def main() -> None:
    """Runs the part that the command line names."""
    from upsampling import networks, page, pictures

    if sys.argv[1:] == ["networks"]:
        networks.write()
    pictures.write()
    page.write()


if __name__ == "__main__":
    main()
