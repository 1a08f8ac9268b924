"""Measures time and memory of `jaxseg predict` on large images.

    python experiments/large_images/measure.py FOLDER SIZE NAME [OPTION...]

segments FOLDER/SIZE.tif, which make.py has written, with the options, writes the result
to FOLDER/out_NAME_SIZE, and prints one line of JSON. If FOLDER/out_whole_SIZE exists,
the line states in how many pixels the classes differ from those of the whole image.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import tifffile
from PIL import Image

JAXSEG = Path(sys.executable).with_name("jaxseg")  # The command of this environment.


def labels_of(folder: Path) -> np.ndarray:
    """Returns the classes that a command has written."""
    for path in folder.glob("*.tif"):
        return tifffile.imread(path)
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(next(folder.glob("[0-9]*[0-9].png"))) as image:
        return np.asarray(image)


def main() -> None:
    folder, size, name, *options = sys.argv[1:]
    target = Path(folder) / f"out_{name}_{size}"
    words = ["predict", f"{folder}/{size}.tif", "--workdir", f"{folder}/run"]
    words += ["-o", str(target), "--overwrite", *options]
    start = time.monotonic()
    done = subprocess.run([JAXSEG, *words], check=True)
    wall = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    record = {
        "name": name,
        "size": int(size),
        "options": options,
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_rss_gb": round(used.ru_maxrss * 1024 / 1e9, 3),
        "status": done.returncode,
        "commit": os.environ.get("COMMIT", ""),
        "seed": 0,
        "versions": {"jax": jax.__version__, "numpy": np.__version__},
        "hardware": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "load": [round(value, 1) for value in os.getloadavg()],
    }
    whole = Path(folder) / f"out_whole_{size}"
    if whole.exists() and whole != target:
        found, expected = labels_of(target), labels_of(whole)
        record["pixels_that_differ"] = int((found != expected).sum())
    print(json.dumps(record))


if __name__ == "__main__":
    main()
