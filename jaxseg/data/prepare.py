"""Preparing a dataset once: from raw files to records that can be read at random.

Prepared data lie in `<data_dir>/<format>/<name>/<configuration>/<version>`; the
configuration's name holds a fingerprint of the raw files and options, so that changed
files are prepared anew. A build happens in a folder of its own that is renamed when it
is complete: processes that start together all end with one whole copy.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator

import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data.builders import camvid, folder, isbi, raters, rooms, shapes
from jaxseg.data.classes import shown_classes
from jaxseg.data.reader import options_of
from jaxseg.data.stored import DamagedData, check_files, write_list
from jaxseg.storage import atomic

logger = logging.getLogger(__name__)
NAMES = ("shapes", "raters", "camvid", "isbi", "folder")
CLOUDS = ("rooms",)  # of points, see `jaxseg.data.clouds`
INFO = "dataset_info.json"  # complete data have it
DAY = 86_400.0  # seconds
DRAWN = {"shapes": shapes, "raters": raters, "rooms": rooms}


def builder_config(
    config: DataConfig, lists: tuple[str, ...] = ()
) -> tfds.core.BuilderConfig:
    """Returns the builder configuration that a data configuration asks for.

    Args:
      config: Which dataset, and where its files lie.
      lists: Names of splits beside the usual ones that may have a list in a folder.

    Raises:
      ValueError: If the name is unknown, or an option does not fit the dataset.
    """
    names = NAMES + CLOUDS
    if config.name not in names:
        raise ValueError(
            f"data.name={config.name!r} is invalid: expected one of {', '.join(names)}."
        )
    if config.classes and config.name != "folder":
        raise ValueError(
            f"data.classes={config.classes} is invalid: expected none, because the "
            f"classes of {config.name!r} are fixed. Only 'folder' takes class names"
        )
    if config.name in DRAWN:
        if config.path is not None:
            raise ValueError(
                f"data.path={config.path!r} is invalid: expected none, because "
                f"{config.name!r} is drawn, not read"
            )
        if config.labels:
            raise ValueError(
                f"data.labels={config.labels!r} is invalid: expected none for "
                f"{config.name!r}, which is drawn and has no mask files."
            )
        return DRAWN[config.name].config()
    common = {
        "labels": config.labels,
        "on_bad_file": config.on_bad_file,
        "reading": options_of(config),
    }
    if config.name == "camvid":
        return camvid.config(config.path, **common)
    if config.name == "isbi":
        return isbi.config(config.path, **common)
    return folder.config(config.path, classes=config.classes, lists=lists, **common)


def data_folder(config: DataConfig) -> pathlib.Path:
    """Where prepared data lie: `data_dir`, $JAXSEG_DATA_DIR or ~/.cache/jaxseg.

    Raises:
      ValueError: If this is an address and not a local folder.
    """
    name = config.data_dir or os.environ.get("JAXSEG_DATA_DIR") or "~/.cache/jaxseg"
    if "://" in name:
        raise ValueError(f"data_dir {name!r} must be a local or mounted folder")
    return pathlib.Path(name).expanduser().absolute()


def prepare(
    name: str,
    config: tfds.core.BuilderConfig,
    root: pathlib.Path,
    *,
    file_format: str = "array_record",
) -> tfds.core.DatasetBuilder:
    """A builder whose data are ready; builds them on first use.

    Args:
      name: Registered name of the builder.
      config: Its configuration.
      root: Folder of all prepared data.
      file_format: "array_record", or "tfrecord" for tf.data.

    Raises:
      ValueError: For bad files, named in the message, and for prepared data that are
        damaged.
      OSError: When the data cannot be written, as on a full disk.
    """
    folder_ = root / file_format
    folder_.mkdir(parents=True, exist_ok=True)
    sweep(folder_)
    target = _place(name, config, folder_)
    if not _complete(target):
        if target.is_dir() and any(target.iterdir()):
            raise DamagedData(target, f"{INFO} is missing")
        with _scratch(folder_) as scratch:
            build_dataset(make_builder(name, config, scratch, file_format), target)
    check_files(target)
    try:
        builder = make_builder(name, config, folder_, file_format)
    except Exception as error:
        raise DamagedData(target, error) from error
    _report_skipped(builder)
    _report_absent(builder)
    return builder


def make_builder(
    name: str,
    config: tfds.core.BuilderConfig,
    data_dir: str | os.PathLike,
    file_format: str,
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a dataset whose files lie, or will lie, in a folder."""
    cls = tfds.builder_cls(name)
    chosen = config.name if config.name in cls.builder_configs else config
    with _quiet():
        return cls(config=chosen, data_dir=os.fspath(data_dir), file_format=file_format)


def build_dataset(builder: tfds.core.DatasetBuilder, target: pathlib.Path) -> None:
    """Prepares a dataset and moves it to `target`, unless another process was first."""
    download = tfds.download.DownloadConfig(try_download_gcs=False)
    logger.info("preparing dataset %r in %s", builder.name, target)
    try:
        with _quiet():
            builder.download_and_prepare(download_config=download)
    except RuntimeError as error:  # of the library that writes records
        raise OSError(
            f"dataset {builder.name!r} cannot be prepared in {target.parent}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    write_list(pathlib.Path(builder.data_dir))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(builder.data_dir, target)
    except OSError:
        if not _complete(target):  # else another process was faster
            raise


def _place(
    name: str, config: tfds.core.BuilderConfig, folder_: pathlib.Path
) -> pathlib.Path:
    """Where the data of a configuration lie, or will lie, below a folder."""
    cls = tfds.builder_cls(name)
    return folder_ / cls.name / config.name / str(cls.VERSION)


@contextlib.contextmanager
def _scratch(folder_: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder for a build, which a later process removes if this one is killed."""
    scratch = atomic.temporary_name(folder_ / "data")
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sweep(folder_: pathlib.Path) -> None:
    """Removes builds whose process has ended.

    Those of earlier versions do not name their process; they are removed when nothing
    in them has changed for a day.
    """
    atomic.sweep(folder_)
    for path in folder_.glob(".building-*"):
        with contextlib.suppress(OSError):
            touched = [p.stat().st_mtime for p in (path, *path.rglob("*"))]
            if time.time() - max(touched) > DAY:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what tfds says about unlisted configurations and its own folders."""
    absl = logging.getLogger("absl")
    level = absl.level
    absl.setLevel(max(level, logging.ERROR))
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl.setLevel(level)


def _complete(folder_: pathlib.Path) -> bool:
    return (folder_ / INFO).is_file()


def _report_skipped(builder: tfds.core.DatasetBuilder):
    skipped = (builder.info.metadata or {}).get("skipped", {})
    for split, names in skipped.items():
        if names:
            logger.warning(
                "dataset %r: %d bad pairs of split %r are left out: %s",
                builder.name,
                len(names),
                split,
                ", ".join(names[:10]) + (", ..." if len(names) > 10 else ""),
            )


def _report_absent(builder: tfds.core.DatasetBuilder):
    """Warns of classes that are named and never occur."""
    found = (builder.info.metadata or {}).get("labels")
    classes = builder.spec().classes if found is not None else ()
    absent = [name for k, name in enumerate(classes) if k not in found]
    if absent:
        logger.warning(
            "dataset %r: no mask holds a pixel of %s",
            builder.name,
            shown_classes(absent),
        )
