"""Updates the pictures and the table of docs/guide/upsampling.md.

python docs/_ext/upsampling                       the pictures and the table
python docs/_ext/upsampling networks [NAME ...]   also traces new and named networks
"""

import pathlib
import sys

EXTENSIONS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(EXTENSIONS), str(EXTENSIONS.parents[1])]


def main() -> None:
    """Runs the part that the command line names."""
    from upsampling import networks, page, pictures

    if sys.argv[1:2] == ["networks"]:
        networks.write(sys.argv[2:])
    pictures.write()
    page.write()


if __name__ == "__main__":
    main()
