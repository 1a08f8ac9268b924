"""Word vectors for class names, which GINet's semantic graph takes as input.

`read_words` reads any file in GloVe's text format: a word and its numbers on each line.
Without such a file, `random_words` gives every class a random vector. These vectors
distinguish the classes but do not say which of them are similar.
"""

from codecs import BOM_UTF8
from pathlib import Path

import numpy as np

SIZE = 300  # Length of a word vector.


def random_words(num_classes: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Returns a random unit vector for each class, float32 [num_classes, size].

    The vectors are nearly orthogonal. `seed` determines them.
    """
    vectors = np.random.default_rng(seed).normal(size=(num_classes, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def read_words(path: str, classes: tuple[str, ...]) -> np.ndarray:
    """Returns for each class the average of the vectors of the words in its name.

    Names are split at blanks, "-", "_" and "/", and looked up in lower case.

    Args:
      path: A file in GloVe's text format.
      classes: The class names.

    Returns:
      [len(classes), size], float32.

    Raises:
      ValueError: If the file lacks a word, or if the line of a word does not contain a
        vector.
    """
    names = [_split(name) for name in classes]
    wanted = {word for name in names for word in name}
    found = {}
    # Such files have gigabytes, so only the lines of wanted words are decoded.
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            start, _, numbers = line.removeprefix(BOM_UTF8).rstrip().partition(b" ")
            word = start.decode("utf-8", errors="replace")
            if word in wanted:
                found[word] = _vector(numbers, f"{path}, line {number}")
    missing = sorted(wanted - set(found))
    if missing:
        raise ValueError(
            f"classes={missing} is invalid: expected words with a vector in {path}. "
            "Rename the classes or use another file."
        )
    return np.stack([np.mean([found[w] for w in name], axis=0) for name in names])


def _vector(numbers, where):
    try:
        return np.array(numbers.decode("ascii").split(), np.float32)
    except ValueError as error:
        raise ValueError(
            f"{where} is invalid: expected a word and the numbers of its vector, "
            "separated by spaces."
        ) from error


def _split(name):
    for sign in "-_/":
        name = name.replace(sign, " ")
    return name.lower().split()
