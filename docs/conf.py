"""Configuration of the documentation site: `sphinx-build -W -b html docs docs/_build`.

The build needs no network. Notebooks are shown with the outputs that are stored in
them; a test executes them.
"""

import pathlib
import sys
import tomllib

import jaxseg

sys.path.insert(0, str(pathlib.Path(__file__).parent / "_ext"))

_metadata = tomllib.loads(
    (pathlib.Path(__file__).parent.parent / "pyproject.toml").read_text()
)["project"]

project = "jaxseg"
author = copyright = "The authors of jaxseg"
release = version = jaxseg.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "api_blocks",
    "block_languages",
    "generated_pages",
    "public_names",
    "repository_links",
]
exclude_patterns = ["_build", "_ext"]
smartquotes = False

html_theme = "furo"
html_title = f"jaxseg {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_search_scorer = sys.path[0] + "/search_scorer.js"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

default_role = "code"  # Docstrings write code in single backticks.
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]

repository_url = _metadata.get("urls", {}).get("Repository", "")
