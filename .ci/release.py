"""Rehearses a release, and prints a table of the results.

    python3 .ci/release.py --output dist      # keeps the archives and dist/site

Builds the source distribution and, from it, the wheel; compares their files with those
that git tracks; checks the changelog and the metadata; builds the documentation with
the wheel; and installs the wheel, then the source distribution, into an empty
environment of each supported Python. There, outside of the checkout and without a
network, a small network is trained and predicts an image. `--quick` ends before the
environments. Nothing is uploaded.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
# Without the packages and programs of an environment that is active.
CLEAN = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
METADATA = ("Name: jaxseg", "License-Expression: Apache-2.0", "License-File: LICENSE")
TRAIN = """train --workdir run --train.steps 4 --train.batch-size 2
  --train.eval-batch-size 2 --train.num-overlays 1 --data.train-split train[:4]
  --data.eval-split validation[:2] --data.crop 32 32 --model.options.width 4
  --model.options.depth 2"""
IMPORT = """
import importlib.metadata, pathlib, sys
import jaxseg, jaxseg.nn, jaxseg.losses, jaxseg.analysis
assert jaxseg.__version__ == importlib.metadata.version("jaxseg") == sys.argv[1]
folder = pathlib.Path(jaxseg.__file__).parent
assert "site-packages" in folder.parts, folder
assert not {"tensorflow", "torch", "matplotlib", "jinja2"} & {*sys.modules}
import numpy, PIL.Image
picture = numpy.arange(48 * 40 * 3, dtype=numpy.uint8).reshape(48, 40, 3)
PIL.Image.fromarray(picture).save("picture.png")
"""
STEPS = {
    "jaxseg --help": ("jaxseg", "--help"),
    "import": ("python", "-c", IMPORT),
    "jaxseg models": ("jaxseg", "models", "unet"),
    "jaxseg train": ("jaxseg", *TRAIN.split()),
    "jaxseg predict": (
        *("jaxseg", "predict", "picture.png", "-o", "masks", "--workdir", "run"),
    ),
    "jaxseg lab": (*("jaxseg", "lab", "plan", "--map", "65", "--field", "65"),),
}


class Table:
    """Collects the rows of the table, and prints each when it is known."""

    def __init__(self):
        self.failed = 0

    @contextlib.contextmanager
    def row(self, *cells):
        """Runs the body; a RuntimeError makes the row a failure."""
        start, notes, outcome = time.monotonic(), [], "ok"
        try:
            yield notes
        except RuntimeError as error:
            self.failed += 1
            outcome, notes = "FAILED", [*notes, str(error)]
        name = "  ".join(f"{cell:<8}" for cell in cells)
        seconds = time.monotonic() - start
        print(
            f"{name:<36} {outcome:<7} {seconds:6.1f} s  {'; '.join(notes)}", flush=True
        )


def run(*command, **options):
    """Runs a command, and returns its output or raises RuntimeError with its end."""
    found = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **{"env": CLEAN, **options},
    )
    if found.returncode:
        words = " ".join(map(str, command))[:200]
        raise RuntimeError(f"{words}\n{found.stdout[-3000:]}")
    return found.stdout


def find_python(version):
    """Returns an interpreter of this version that can make environments, or None."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    candidates = sorted(pyenv.glob(f"versions/{version}.*/bin/python3"))
    found = [shutil.which(f"python{version}"), sys.executable]
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in (*candidates, *filter(None, found)):
        with contextlib.suppress(RuntimeError, OSError):
            if run(path, "-c", code).strip() == version:
                return path
    return None


def environment(folder, python=sys.executable):
    """Makes an empty environment, and returns the folder of its programs."""
    run(python, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", "--upgrade", "pip")
    return folder / "bin"


def build(work, output):
    """Builds the source distribution with PyPA's `build`, and the wheel from it."""
    programs = environment(work / "build")
    run(programs / "pip", "install", "--quiet", "build")
    run(programs / "python", "-m", "build", "--outdir", output, ROOT)
    return next(output.glob("*.whl")), next(output.glob("*.tar.gz"))


def tracked_files():
    """Returns the files of the package that git tracks, or all outside of a clone."""
    with contextlib.suppress(RuntimeError, OSError):
        listed = run("git", "ls-files", "jaxseg", cwd=ROOT).splitlines()
        return {name for name in listed if (ROOT / name).exists()}
    paths = (path.relative_to(ROOT) for path in (ROOT / "jaxseg").rglob("*"))
    return {
        path.as_posix()
        for path in paths
        if (ROOT / path).is_file() and "__pycache__" not in path.parts
    }


def check_wheel(wheel, version):
    """Compares the wheel with the files that git tracks, and reads its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = {*archive.namelist()}
        info = f"jaxseg-{version}.dist-info"
        text = archive.read(f"{info}/METADATA").decode()
    code = {name for name in names if not name.startswith(f"{info}/")}
    compare(code, tracked_files())
    if f"{info}/licenses/LICENSE" not in names:
        raise RuntimeError("the license is missing")
    for line in (*METADATA, f"Version: {version}"):
        if f"\n{line}\n" not in text:
            raise RuntimeError(f"the metadata lack the line {line!r}")
    return len(code), wheel.stat().st_size


def check_sdist(sdist, version):
    """Compares the package in the source distribution with git; it has no tests."""
    with tarfile.open(sdist) as archive:
        paths = [m.name.split("/", 1)[1] for m in archive.getmembers() if m.isfile()]
    compare({path for path in paths if path.startswith("jaxseg/")}, tracked_files())
    folders = {path.split("/")[0] for path in paths}
    expected = {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CITATION.cff",
        "pyproject.toml",
    }
    if missing := expected - folders:
        raise RuntimeError(f"the archive lacks {sorted(missing)}")
    if more := folders & {"tests", "docs", "experiments", ".ci", ".github"}:
        raise RuntimeError(f"the archive should not contain {sorted(more)}")
    return len(paths), sdist.stat().st_size


def compare(found, expected):
    if found != expected:
        raise RuntimeError(
            f"missing: {sorted(expected - found)[:5]}, "
            f"not in the repository: {sorted(found - expected)[:5]}"
        )


def check_changelog(version, final):
    """Finds the section of the version, which needs a date when it is released."""
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"^## \[{re.escape(version)}\] - (.*)$", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"CHANGELOG.md has no section [{version}] with a date")
    dated = re.fullmatch(r"\d{4}-\d\d-\d\d", found[1])
    if final and not dated:
        raise RuntimeError(f"the date of [{version}] is {found[1]!r}")
    return found[1] if dated else "no date yet"


def build_docs(programs, wheel, work):
    """Builds the site with the installed wheel, and stores it next to the wheel.

    A warning is an error.

    Returns:
      The number of pages.
    """
    site = wheel.parent / "site"
    pins = ROOT / ".ci/extras.txt"
    run(programs / "pip", "install", "--quiet", "-c", pins, f"{wheel}[docs]")
    command = (programs / "sphinx-build", "-q", "-W", "-b", "html", "docs")
    run(*command, "-d", work / "doctrees", site, cwd=ROOT)
    return len([*site.rglob("*.html")])


def offline():
    """Returns the prefix of a command that has no network, if the system offers one."""
    prefix = ("unshare", "--net", "--map-root-user")
    if shutil.which("unshare"):
        with contextlib.suppress(RuntimeError):
            run(*prefix, "true")
            return prefix
    return ()


def try_package(table, cells, programs, version, folder):
    """Runs every step in an empty folder, with empty caches."""
    folder.mkdir()
    names = ("HOME", "XDG_CACHE_HOME", "JAXSEG_DATA_DIR")
    kept = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    env = kept | {name: str(folder / "home") for name in names}
    env |= {"JAX_PLATFORMS": "cpu", "PATH": f"{programs}:{env['PATH']}"}
    for name, command in STEPS.items():
        words = (*offline(), *command, *((version,) if name == "import" else ()))
        with table.row(*cells, name):
            run(*words, cwd=folder, env=env)
    with table.row(*cells, "files"):
        for path in ("run/config.json", "run/ckpt", "masks/picture.png"):
            if not (folder / path).exists():
                raise RuntimeError(f"{path} was not written")


def try_pythons(table, work, wheel, sdist, version):
    """Tries both distributions on every Python, and builds the site on the first."""
    for number in PYTHONS:
        python = find_python(number)
        with table.row(number, "python") as notes:
            if python is None:
                raise RuntimeError("not found on this machine")
            programs = environment(work / number, python)
            notes.append(str(python))
        if python is None:
            continue
        for kind, source in (("wheel", wheel), ("sdist", sdist)):
            again = () if kind == "wheel" else ("--no-deps", "--force-reinstall")
            with table.row(number, kind, "install") as notes:
                run(programs / "pip", "install", "--quiet", *again, source)
                listed = run(programs / "pip", "freeze")
                notes.append(" ".join(re.findall(r"^(?:jax|flax)==.*$", listed, re.M)))
            place = work / f"{number}-{kind}"
            try_package(table, (number, kind), programs, version, place)
        if number == PYTHONS[0]:
            with table.row("docs", "sphinx") as notes:
                notes.append(f"{build_docs(programs, wheel, work)} pages")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--output", type=pathlib.Path, help="folder for both archives and the site"
    )
    parser.add_argument("--quick", action="store_true", help="make no environments")
    parser.add_argument("--final", action="store_true", help="require the date")
    return parser.parse_args()


def main():
    """Returns the number of failed rows as an exit status of 0 or 1."""
    arguments, table = parse(), Table()
    source = (ROOT / "jaxseg/__init__.py").read_text()
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)[1]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        output = (arguments.output or work / "dist").resolve()
        output.mkdir(parents=True, exist_ok=True)
        with table.row("changelog") as notes:
            notes.append(check_changelog(version, arguments.final))
        with table.row("build") as notes:
            if [*output.iterdir()]:
                raise RuntimeError(f"{output} is not empty")
            wheel, sdist = build(work, output)
            notes += [wheel.name, sdist.name]
        if table.failed:
            return 1
        for check, path in ((check_wheel, wheel), (check_sdist, sdist)):
            with table.row("contents", path.suffix) as notes:
                count, size = check(path, version)
                notes.append(f"{count} files, {size / 1e6:.1f} MB")
        if not arguments.quick:
            try_pythons(table, work, wheel, sdist, version)
    print("the rehearsal failed" if table.failed else "the rehearsal succeeded")
    return bool(table.failed)


if __name__ == "__main__":
    sys.exit(main())
