"""When many programs are compiled, the user is told what to do."""

from jaxseg.tasks.size_notes import sizes_note


def test_many_sizes_are_worth_a_note():
    sizes = [(300 + k, 400 + k % 3) for k in range(48)]
    text = sizes_note(sizes, 1)
    assert "have 48 sizes" in text and "--data.eval-multiple 32 there are 2" in text
    assert sizes_note(sizes, 32) is None
    assert sizes_note(sizes[:16] * 10, 1) is None
    assert sizes_note([], 1) is None
