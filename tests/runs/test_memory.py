"""What memory a run may take."""

import sys

import jax

from jaxseg.runs import memory


class Described:
    """A device that is only described, as `jaxseg plan` has it."""

    process_index = 0

    def memory_stats(self):
        raise RuntimeError("MemoryStats is only supported for addressable devices")


def test_described_devices_are_not_asked_for_their_memory():
    assert memory.available([Described()]) == sys.maxsize


def test_cpu_devices_have_the_memory_of_the_host():
    assert memory.available(jax.devices()) == memory.host_memory() > 2**20
