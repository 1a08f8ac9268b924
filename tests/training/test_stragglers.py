"""Which host is named as the slowest."""

import numpy as np
import pytest

from jaxseg.training.run.stragglers import slowest_host


def test_the_slowest_host_is_named_with_its_ratio_to_the_median():
    times = np.array([[0.02, 0.1], [0.08, 0.7], [0.02, 0.0], [0.04, 0.3]], np.float32)
    found = slowest_host(times)
    assert found["slowest_host"] == 1
    assert found["slowest_host_seconds"] == pytest.approx(0.08)
    assert found["slowest_host_ratio"] == pytest.approx(0.08 / 0.03)
    assert found["input_wait_by_host"] == pytest.approx([0.1, 0.7, 0.0, 0.3])


def test_idle_hosts_divide_by_no_zero():
    found = slowest_host(np.zeros((2, 2), np.float32))
    assert found["slowest_host_ratio"] == 0.0
