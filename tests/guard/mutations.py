"""Breaks one line at a time and records whether the tests notice.

    python tests/guard/mutations.py                    every mutant of mutants.py
    python tests/guard/mutations.py --only ops/ losses/   mutants of some files
    python tests/guard/mutations.py --numbers 3 17     mutants by their numbers

It works on a temporary copy of the tree and appends a line of JSON for every mutant to
`mutations.jsonl`: the commit, the mutant, the test that noticed it (null where all
passed), and the seconds. The exit status is 1 if a mutant went unnoticed.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = pathlib.Path(__file__).with_suffix(".jsonl")
sys.path.insert(0, str(ROOT))

from tests.guard.mutants import ALL, Mutant  # noqa: E402

# The name of a test may contain spaces in brackets; a message follows after " - ".
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\[\n]*?(?:\[.*?\])?)(?= - |$)", re.MULTILINE)
NOT_SWEEP = ("-x", "-q", "-m", "not sweep", "-p", "no:cacheprovider")


def copy_of_tree(folder: pathlib.Path) -> pathlib.Path:
    """Returns a copy of the files that git tracks, as they are now."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    return folder


def broken(text: str, mutant: Mutant) -> str:
    """Returns the text of a file with the mutant in it.

    Raises:
        ValueError: the old text does not occur exactly once.
    """
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(
            f"old={mutant.old!r} is invalid: expected one place in {mutant.file}, found "
            f"{count}. Correct the mutant in mutants.py."
        )
    return text.replace(mutant.old, mutant.new)


def who_notices(mutant: Mutant, copy: pathlib.Path) -> str | None:
    """Returns the name of the test that fails because of the mutant, or None.

    Raises:
        RuntimeError: pytest ended in another way than with passed or failed tests.
    """
    path = copy / "jaxseg" / mutant.file
    whole = path.read_text()
    path.write_text(broken(whole, mutant))
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", *NOT_SWEEP]
            + [f"tests/{name}" for name in mutant.tests.split()],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(whole)
    if done.returncode == 0:
        return None
    found = FAILED.search(done.stdout)
    if done.returncode not in (1, 2) or found is None:
        raise RuntimeError(f"{mutant}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found[1]


def record(mutant: Mutant, copy: pathlib.Path, commit: str) -> bool:
    """Runs one mutant, appends its line and returns whether it was noticed."""
    start = time.monotonic()
    test = who_notices(mutant, copy)
    line = {
        "commit": commit,
        "mutant": mutant._asdict(),
        "noticed_by": test,
        "seconds": round(time.monotonic() - start, 1),
    }
    with RECORD.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(
        f"{'noticed' if test else 'SURVIVED'} {mutant.file}: {mutant.old!r}", flush=True
    )
    return test is not None


def main() -> int:
    """Runs the chosen mutants and counts those that the tests notice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[""], help="starts of file names")
    parser.add_argument("--numbers", nargs="+", type=int, help="places in the table")
    given = parser.parse_args()
    chosen = ALL if given.numbers is None else [ALL[k] for k in given.numbers]
    chosen = [m for m in chosen if m.file.startswith(tuple(given.only))]
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_tree(pathlib.Path(folder))
        for mutant in chosen:  # a stale text ends the run before anything is tested
            broken((copy / "jaxseg" / mutant.file).read_text(), mutant)
        noticed = [record(m, copy, commit.stdout.strip()) for m in chosen]
    print(f"{sum(noticed)} of {len(noticed)} mutants were noticed")
    return int(not all(noticed))


if __name__ == "__main__":
    sys.exit(main())
