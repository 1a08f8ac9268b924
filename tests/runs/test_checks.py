"""Bounds accept what the project itself uses, and say what they expect."""

import inspect

import pytest

from jaxseg.config import Config, ModelConfig
from jaxseg.losses.objective import option_names
from jaxseg.losses.table import LOSSES
from jaxseg.models import MODELS
from jaxseg.runs import memory, rules
from jaxseg.runs.options import check_network, hints_of
from jaxseg.tasks import checks

LARGEST = 3.4028235e38


@pytest.mark.parametrize(
    ("rule", "good", "bad", "words"),
    [
        (rules.whole(1), (1, 2**31 - 1), (0, -1, 2**31), "from 1 to 2147483647"),
        (rules.number(0, 1), (0, 0.5, 1), (-0.1, 1.1, float("nan")), "from 0 to 1"),
        (rules.number(0, below=1), (0, 0.999), (1, -1), "at least 0 and below 1"),
        (rules.number(above=0), (1e-9, LARGEST), (0, 1e39, float("inf"), 10**400),
         "above 0"),
        (rules.optional(rules.whole(1)), (None, 1), (0,), "from 1"),
        (rules.each(rules.whole(1)), (2, (1, 2), ((1, 2), (3,)), ()), ((1, 0), 0), "each"),
        (rules.some(rules.whole(1)), (1, (1, 2)), ((), 0), "each"),
        (rules.ascending(rules.number(0.1)), ((1, 1), (1, 2)), ((2, 1), (0, 1)), "first"),
        (rules.interval(), ((-1, 0),), ((1, 1), (2, 1), (float("nan"), 1)), "first"),
        (rules.text(), ("a", "é"), ("", " ", "a\n", "\x1b[31m"), "not empty"),
        (rules.pattern(), ("a/.*",), ("", "(", "[", "*", "(?P<a"), "regular expression"),
    ],
)  # fmt: skip
def test_rules(rule, good, bad, words):
    assert all(rule.allows(value) for value in good)
    assert words in rule.expected
    for value in bad:
        with pytest.raises(ValueError, match=r"^a\.b=.* is invalid: expected "):
            rule.check("a.b", value)


def test_long_values_and_line_breaks_stay_on_a_short_line():
    text = rules.invalid("name", {"a": ["x\n"] * 500}, "less")
    assert "\n" not in text and len(text) < 300


@pytest.mark.parametrize("name", sorted(MODELS))
def test_options_of_every_network_have_types_and_accept_their_defaults(name):
    parameters = inspect.signature(MODELS[name]).parameters.values()
    options = {
        p.name: p.default
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and p.name != "style"
    }
    assert options.keys() <= hints_of(MODELS[name]).keys()
    check_network(name, options)


def test_every_number_that_a_loss_takes_has_bounds():
    for name, loss in LOSSES.items():
        hints = hints_of(loss.function)
        for option in option_names(loss):
            assert (
                hints[option] is bool
                or "Literal" in str(hints[option])
                or (option in checks.OPTIONS)
            ), (name, option)


def test_whole_numbers_and_fractions_may_stand_together():
    check_network("deeplabv2_resnet101", {"scales": (1, 0.75, 0.5)})


def test_a_network_larger_than_the_memory_is_refused_with_its_size(monkeypatch):
    import jax
    import numpy as np

    devices = jax.devices()[:1]
    monkeypatch.setattr(memory, "host_memory", lambda: 1000)
    check = memory.state_check(devices)
    check({"a": jax.ShapeDtypeStruct((250,), np.float32)})
    with pytest.raises(
        ValueError, match=r"fits into 1,000 bytes of memory, .* take 1,004"
    ):
        check({"a": jax.ShapeDtypeStruct((251,), np.float32)})


def test_a_batch_larger_than_the_memory_is_refused_with_its_size(monkeypatch):
    import jax

    devices, config = jax.devices()[:1], Config()
    needed = 8 * 96 * 128 * 4 * (3 + 5)
    monkeypatch.setattr(memory, "host_memory", lambda: needed)
    memory.check_batch(config, 8, devices)
    memory.check_evaluation(config, [(96, 128)], 8, devices, batch=("batch_size", 8))
    monkeypatch.setattr(memory, "host_memory", lambda: needed - 1)
    for check in (
        lambda: memory.check_batch(config, 8, devices),
        lambda: memory.check_evaluation(
            config, [(9, 9), (96, 128)], 8, devices, batch=("batch_size", 8)
        ),
    ):
        with pytest.raises(ValueError, match=f"takes? {needed:,}"):
            check()


def test_the_default_run_passes():
    checks.check(Config())
    checks.check(Config(model=ModelConfig("fcn8s_vgg16", {"dropout": 0.1})))
