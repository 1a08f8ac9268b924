"""Word vectors of class names, the input of GINet's semantic graph.

`read_words` takes any file in GloVe's text form (a word and its numbers per line).
Where there is none, `random_words` gives every class its own fixed direction: the
classes are told apart, but nothing is known about which are alike.
"""

from codecs import BOM_UTF8
from pathlib import Path

import numpy as np

SIZE = 300


def random_words(num_classes: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Fixed unit vectors, nearly orthogonal [num_classes, size] float32."""
    vectors = np.random.default_rng(seed).normal(size=(num_classes, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def read_words(path: str, classes: tuple[str, ...]) -> np.ndarray:
    """Mean vector of the words in each class name [len(classes), size] float32.

    Names are split at blanks, "-", "_" and "/", and looked up in lower case.

    Raises: ValueError naming the words that the file does not hold, or a line of it
      that is no vector.
    """
    names = [_split(name) for name in classes]
    wanted = {word for name in names for word in name}
    found = {}
    with Path(path).open("rb") as lines:  # gigabytes: lines are decoded where wanted
        for number, line in enumerate(lines, start=1):
            start, _, numbers = line.removeprefix(BOM_UTF8).rstrip().partition(b" ")
            word = start.decode("utf-8", errors="replace")
            if word in wanted:
                found[word] = _vector(numbers, f"{path}, line {number}")
    missing = sorted(wanted - set(found))
    if missing:
        raise ValueError(f"classes: {path} holds no vector for {missing}")
    return np.stack([np.mean([found[w] for w in name], axis=0) for name in names])


def _vector(numbers, where):
    try:
        return np.array(numbers.decode("ascii").split(), np.float32)
    except ValueError as error:
        raise ValueError(f"{where}: expected a word and its numbers") from error


def _split(name):
    for sign in "-_/":
        name = name.replace(sign, " ")
    return name.lower().split()
