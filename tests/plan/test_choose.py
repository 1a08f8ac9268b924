"""The choice among settings by values: order, corrections and rejections."""

import pytest

from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
from jaxseg.plan.choose import COMPILATIONS, Candidate, choose
from jaxseg.plan.decide import Alternative, Decision
from jaxseg.plan.decision_text import decision_text, in_words, outcome
from jaxseg.plan.estimate import Estimate
from jaxseg.plan.setting import Freedom, Setting, settings

GIB = 2**30
PLAIN = Setting(8, 1, "none", "none", 1, "float32")


def candidate(seconds, temporaries, *, remat="none", batch=8, arguments=1.0):
    setting = Setting(batch, 1, remat, "none", 1, "float32")
    return Candidate(setting, Estimate(arguments, temporaries, seconds))


def attempts(needs):
    """A function that looks up what a setting needs, and the list of its calls."""
    asked = []

    def attempt(setting):
        asked.append(setting)
        return needs[setting]

    return attempt, asked


def test_the_fastest_that_fits_is_compiled_first():
    rows = [candidate(2.0, 5.0, remat="block"), candidate(1.0, 8.0)]
    attempt, asked = attempts({rows[1].setting: 9.5})
    found = choose(rows, attempt, 10.0)
    assert (found.chosen, found.compiled) == (1, (1,))
    assert asked == [rows[1].setting]
    # The compiled step has 8.5 / 8 of the estimated temporaries, so the other one too.
    assert found.needs == (1 + 5 * 8.5 / 8, 9.5)


def test_a_refused_step_is_followed_by_the_next():
    rows = [candidate(1.0, 8.0), candidate(2.0, 5.0, remat="block")]
    attempt, _ = attempts({rows[0].setting: 12.0, rows[1].setting: 9.0})
    found = choose(rows, attempt, 10.0)
    assert (found.chosen, found.compiled, found.needs) == (1, (0, 1), (12.0, 9.0))


def test_what_is_far_too_large_is_not_compiled():
    rows = [candidate(1.0, 20.0), candidate(2.0, 5.0, remat="block")]
    attempt, asked = attempts({rows[1].setting: 6.0})
    assert choose(rows, attempt, 10.0).chosen == 1
    assert asked == [rows[1].setting]


def test_the_smallest_is_tried_last_and_nothing_may_fit():
    rows = [candidate(1.0, 30.0), candidate(2.0, 25.0, remat="block")]
    attempt, asked = attempts({row.setting: 24.0 for row in rows})
    found = choose(rows, attempt, 10.0)
    assert found.chosen is None and asked == [rows[1].setting]


def test_the_number_of_compilations_is_limited():
    rows = [candidate(k, 10.0, batch=8 * k) for k in range(1, 12)]
    attempt, asked = attempts({row.setting: 11.5 for row in rows})
    assert choose(rows, attempt, 10.9).chosen is None
    assert len(asked) == COMPILATIONS + 1


def test_batches_are_compared_by_the_time_of_an_image():
    rows = [candidate(1.0, 1.0, batch=8), candidate(1.5, 2.0, batch=16)]
    attempt, _ = attempts({rows[1].setting: 3.0})
    assert choose(rows, attempt, 10.0).chosen == 1


# --- settings ---

CONFIG = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}),
    data=DataConfig("shapes", crop=(32, 48)),
    train=TrainConfig(batch_size=8),
)


def test_only_what_keeps_the_result_is_tried():
    found = list(settings(CONFIG, 4, Freedom()))
    assert len(found) == len(set(found)) == 3 * 2 * 3
    assert {row.batch_size for row in found} == {8}
    assert {row.dtype for row in found} == {"float32"}
    assert {row.grad_accum_steps for row in found} == {1}
    assert {row.spatial_shards for row in found} == {1, 2, 4}
    assert Setting.of(CONFIG.train) in found


def test_micro_batches_are_even():
    found = set(settings(CONFIG, 4, Freedom(accumulation=True)))
    parts = {(row.grad_accum_steps, row.spatial_shards) for row in found}
    assert parts == {(1, 1), (2, 1), (1, 2), (2, 2), (4, 2)} | {
        (k, 4) for k in (1, 2, 4, 8)
    }


def test_batches_and_types_change_if_they_may():
    found = list(settings(CONFIG, 8, Freedom(dtype=True, batch=True)))
    assert {row.dtype for row in found} == {"float32", "bfloat16"}
    sizes = {row.batch_size for row in found if row.spatial_shards == 1}
    assert sizes == {8, 16, 32, 64}


def test_the_options_change_the_configuration():
    setting = Setting(16, 2, "block", "fsdp", (2, 1), "bfloat16")
    words = setting.options(CONFIG.train)
    assert words == [
        *("--train.batch-size", "16", "--train.grad-accum-steps", "2"),
        *("--train.remat", "block", "--train.shard", "fsdp"),
        *("--train.spatial-shards", "2", "1", "--train.dtype", "bfloat16"),
    ]
    assert Setting.of(setting.applied(CONFIG).train) == setting
    assert PLAIN.options(CONFIG.train) == []


# --- text ---


@pytest.fixture
def decision():
    tight = Setting(8, 1, "block", "fsdp", 2, "float32")
    rows = (
        Alternative(PLAIN, 12 * GIB, False, 0.1, "too large"),
        Alternative(tight, 9 * GIB, True, 0.15, "chosen"),
        Alternative(
            Setting(8, 1, "stage", "none", 1, "float32"), 8 * GIB, False, 0.2, "slower"
        ),
    )
    return Decision(tight, 10 * GIB, 9.5 * GIB, 9 * GIB, Freedom(), rows)


def test_each_row_says_why(decision):
    text = decision_text(decision, 4)
    for part in (
        "10.00 GiB of memory on each of 4 devices, of which 5% stay free",
        "does not fit: needs 12.00 GiB (estimated) of 9.50 GiB",
        "chosen: estimated step 150.0 ms, needs 9.00 GiB (compiled)",
        "slower: estimated step 200.0 ms, needs 8.00 GiB (estimated)",
        "kept, because it changes the result: accumulation, dtype, batch",
    ):
        assert part in text
    assert in_words(decision.chosen) == (
        "batch 8, remat block, state in shards, images over 2 devices, float32"
    )
    assert outcome(decision).endswith("needs 9.00 GiB of 10.00 GiB.")


def test_the_text_names_the_smallest_if_none_fits(decision):
    none = Decision(None, GIB, 0.95 * GIB, None, Freedom(), decision.alternatives)
    assert "No setting fits into 972.8 MiB. The smallest one needs 8.00 GiB" in (
        outcome(none)
    )
