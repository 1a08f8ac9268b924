"""The examples of the page about several datasets work as shown."""

import doctest
import pathlib
import re

from jaxseg.data.mix.map_file import parse_rules
from jaxseg.tasks.checks import check

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "guide" / "several_datasets.md"


def test_the_examples_give_what_the_page_says():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried >= 8 and not failed


def test_the_configuration_of_the_page_is_valid():
    text, names = PAGE.read_text(), {}
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, names)
    check(names["config"])
    lines = re.findall(r"^    (# Classes of.*?)\n\n", text, re.DOTALL | re.MULTILINE)
    rules = parse_rules(enumerate(lines[0].splitlines(), start=1), origin="page")
    assert [rule.targets for rule in rules][1] == ("car", "truck")
    assert rules[-1].source == "sky" and rules[-1].targets == ()
