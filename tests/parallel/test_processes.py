"""Two processes of four devices each train as one process of eight does.

Also with the state in parts and the rows of each image on two devices.
"""

import os
import pathlib
import runpy
import socket
import subprocess
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path):
    worker = HERE / "worker.py"
    address = f"localhost:{free_port()}"
    root = str(HERE.parents[1])
    environment = os.environ | {"PYTHONPATH": root, "JAX_PLATFORMS": "cpu"}
    running = [
        subprocess.Popen(
            [sys.executable, worker, address, "2", str(index), tmp_path],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        errors = [process.communicate(timeout=500)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], errors
    module = runpy.run_path(str(worker))
    expected = module["train"]("jit")
    assert expected["images"][:, 0].tolist() == list(range(16))
    assert (expected["images"][7:, 1] == 7 * 6).all()
    for file in (tmp_path / "hosts0.npz", tmp_path / "hosts1.npz"):
        got = np.load(file)
        assert got["step"] == 5 and got["values"].tolist() == [[5, 0.5], [6, 0.5]]
        file.unlink()
    for file in sorted(tmp_path.iterdir()):
        got = np.load(file)
        np.testing.assert_array_equal(got["matrix"], expected["matrix"], file.name)
        assert got["labeled"] == expected["labeled"]
        for name in ("counted", "images"):
            np.testing.assert_array_equal(got[name], expected[name], file.name)
        exact = {"matrix", "labeled", "counted", "images"}
        assert set(got) == set(expected)
        for name in set(got) - exact:
            np.testing.assert_allclose(
                got[name],
                expected[name],
                rtol=1e-6,
                atol=1e-6,
                err_msg=f"{file.name}: {name}",
            )
    assert len(list(tmp_path.iterdir())) == 2 * len(module["KINDS"])
