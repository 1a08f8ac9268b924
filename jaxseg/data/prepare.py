"""Prepares a dataset once: converts its original files for fast random access.

Prepared data are in `<prepared_dir>/<format>/<name>/<configuration>/<version>`. The
name of the configuration contains a digest of the original files and the options, so
that changed files are prepared again. A dataset is built in a temporary folder, which
is renamed when it is complete. If several processes prepare a dataset at the same time,
all of them read one complete copy.
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
from collections.abc import Callable, Iterator

import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data import bucket_copy
from jaxseg.data.builders.choice import builder_of
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.builders.named import NamedBuilder
from jaxseg.data.builders.pairs_config import pairs_config, reading_of
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.prepared_warnings import warn_of
from jaxseg.data.stored import DamagedData, RejectedData, check_files, write_list
from jaxseg.storage import atomic
from jaxseg.storage.address import is_address
from jaxseg.storage.places import make_folder

logger = logging.getLogger(__name__)
INFO = "dataset_info.json"  # Complete data contain this file.
DAY = 86_400.0  # In seconds.
DOWNLOAD = tfds.download.DownloadConfig(try_download_gcs=False)


def builder_config(
    config: DataConfig, lists: tuple[str, ...] = ()
) -> tfds.core.BuilderConfig:
    """Returns the `BuilderConfig` of the builder that prepares the selected dataset.

    Args:
      config: The dataset and the location of its files.
      lists: The names of further splits, besides train, validation and test. A text
        file in the folder of the dataset can list the images of such a split.

    Raises:
      ValueError: If no dataset has the name in `config`, or an option does not apply to
        the dataset.
    """
    dataset = dataset_of(config)
    if dataset.drawing is not None:
        return drawn_config(dataset)
    return pairs_config(
        dataset,
        config.raw_dir,
        classes=config.classes,
        lists=lists,
        labels=config.labels,
        on_bad_file=config.on_bad_file,
        reading=reading_of(config, dataset),
    )


def data_folder(config: DataConfig) -> pathlib.Path:
    """Returns the folder that contains the prepared data of all datasets.

    It is `config.prepared_dir` or, if this is not set, the value of the environment
    variable JAXSEG_DATA_DIR. If neither is set, it is ~/.cache/jaxseg. For an address
    in a bucket, it is the folder of the local copy.

    Raises:
      ValueError: If the folder is a URL that starts with neither gs:// nor s3://.
    """
    name = config.prepared_dir or os.environ.get("JAXSEG_DATA_DIR") or "~/.cache/jaxseg"
    if is_address(name):
        return bucket_copy.local_folder(name)
    if "://" in name:
        raise ValueError(
            f"data.prepared_dir={name!r} is invalid: expected a local or mounted "
            "folder, or an address that begins with gs:// or s3://."
        )
    return pathlib.Path(name).expanduser().absolute()


def prepare(
    config: tfds.core.BuilderConfig,
    root: pathlib.Path,
    *,
    file_format: str = "array_record",
) -> NamedBuilder:
    """Prepares the data of a dataset on first use, and returns the dataset's builder.

    Args:
      config: The configuration of a builder of `jaxseg.data.builders`.
      root: The folder of all prepared data.
      file_format: "array_record", or "tfrecord" for tf.data.

    Raises:
      ValueError: If an original file cannot be prepared, or prepared data are damaged.
        The message names the file or folder.
      OSError: If the data cannot be written, for example because the disk is full.
    """
    folder_ = root / file_format
    make_folder("data.prepared_dir", root)
    folder_.mkdir(exist_ok=True)
    target = _place(config, folder_)
    prepare_once(
        lambda scratch: make_builder(config, scratch, file_format), folder_, target
    )
    try:
        builder = make_builder(config, folder_, file_format)
    except Exception as error:
        raise DamagedData(target, error) from error
    warn_of(builder, target)
    return builder


def prepare_once(
    make: Callable[[pathlib.Path], tfds.core.DatasetBuilder],
    folder_: pathlib.Path,
    target: pathlib.Path,
    *,
    download: tfds.download.DownloadConfig = DOWNLOAD,
    downloads: pathlib.Path | None = None,
) -> None:
    """Prepares a dataset unless `target` contains it, and checks the prepared files.

    Args:
      make: A function that returns the builder for a given temporary folder.
      folder_: The folder in which the temporary folder is created.
      target: The final folder of the prepared data.
      download: The options of downloads.
      downloads: The folder of downloads, by default one in the temporary folder.

    Raises:
      DamagedData: If the folder `target` is incomplete, or a file in it has changed.
      OSError: If the data cannot be written.
    """
    sweep(folder_)
    if not _complete(target) and not bucket_copy.download(target, INFO):
        if target.is_dir() and any(target.iterdir()):
            raise DamagedData(target, f"{INFO} is missing")
        with _scratch(folder_) as scratch:
            build_dataset(make(scratch), target, download=download, downloads=downloads)
    check_files(target)


def make_builder(
    config: tfds.core.BuilderConfig, data_dir: str | os.PathLike, file_format: str
) -> NamedBuilder:
    """Returns the tensorflow_datasets builder of a dataset, without preparing it."""
    with quiet():
        return builder_of(config, data_dir, file_format)


def build_dataset(
    builder: tfds.core.DatasetBuilder,
    target: pathlib.Path,
    *,
    download: tfds.download.DownloadConfig = DOWNLOAD,
    downloads: pathlib.Path | None = None,
) -> None:
    """Prepares a dataset and moves it to a folder.

    If another process has prepared this dataset in the meantime, the copy of that
    process is kept.

    Args:
      builder: The builder, whose `data_dir` is a temporary folder.
      target: The final folder.
      download: The options of downloads.
      downloads: The folder of downloads. By default it is created next to the data.

    Raises:
      RejectedData: If an original file cannot be prepared. The message names it.
      OSError: If the data cannot be written.
    """
    logger.info("Preparing dataset %r in %s.", builder.name, target)
    try:
        with quiet():
            builder.download_and_prepare(
                download_dir=downloads, download_config=download
            )
    except ValueError as error:
        raise RejectedData(str(error)) from error
    except RuntimeError as error:  # The record writer raises it.
        raise OSError(
            f"dataset {builder.name!r} cannot be prepared in {target.parent}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    write_list(pathlib.Path(builder.data_dir))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(builder.data_dir, target)
    except OSError:
        if not _complete(target):  # Otherwise another process was faster.
            raise


def _place(config: tfds.core.BuilderConfig, folder_: pathlib.Path) -> pathlib.Path:
    """Returns the folder of the prepared data of a configuration."""
    dataset = config.dataset
    return folder_ / dataset.name / config.name / dataset.version


@contextlib.contextmanager
def _scratch(folder_: pathlib.Path) -> Iterator[pathlib.Path]:
    """Makes a temporary folder for a build.

    If this process is killed, a later one removes the folder.
    """
    scratch = atomic.temporary_name(folder_ / "data")
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sweep(folder_: pathlib.Path) -> None:
    """Removes temporary folders of dataset builds whose processes have ended.

    The folders that earlier versions of jaxseg made do not name their process. They are
    removed if nothing in them has changed for a day.
    """
    atomic.sweep(folder_)
    for path in folder_.glob(".building-*"):
        with contextlib.suppress(OSError):
            touched = [p.stat().st_mtime for p in (path, *path.rglob("*"))]
            if time.time() - max(touched) > DAY:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Returns a context manager that hides messages of tensorflow_datasets.

    It hides warnings and printed text. It hides progress bars too, unless standard
    error is a terminal.
    """
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
