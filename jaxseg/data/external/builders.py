"""Opens datasets of tensorflow_datasets, and prepares their data on first use.

Prepared data are stored as ArrayRecord files in
`<prepared_dir>/tfds/<name>/<configuration>/<version>`, and downloaded files in
`<prepared_dir>/tfds/downloads`. If `data.name` is
tfds:PATH, nothing is written to the folder PATH.
"""

from __future__ import annotations

import logging
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data.datasets.tfds_name import PREFIX, BuilderName, parse_name
from jaxseg.data.external.module import load_module
from jaxseg.data.prepare import INFO, data_folder, prepare_once, quiet
from jaxseg.data.stored import RejectedData
from jaxseg.storage.places import make_folder
from jaxseg.text import printable, similar

logger = logging.getLogger(__name__)
FOLDER, DOWNLOADS, MANUAL = "tfds", "downloads", "manual"
FEATURES = "features.json"
ADVICE = 1_000  # An error shows at most so many characters of instructions.
Builder = tfds.core.DatasetBuilder


def open_builder(config: DataConfig) -> Builder:
    """Returns the builder that `data.name` selects and prepares its data if needed.

    Args:
      config: The data configuration.

    Raises:
      ValueError: If the module, the name, the configuration, the version or the folder
        is wrong, or the builder cannot prepare its data. The message says which files
        the user must download, if this is the reason.
    """
    if config.module is not None:
        load_module(config.module)
    name = parse_name(config.name)
    if name.folder is not None:
        return _open_folder(config, pathlib.Path(name.folder).expanduser().absolute())
    root = data_folder(config) / FOLDER
    make_builder = _maker(config, name)
    make_folder("data.prepared_dir", data_folder(config))
    builder = make_builder(root)
    manual = _manual_folder(config, builder, root)
    download = tfds.download.DownloadConfig(
        try_download_gcs=False, manual_dir=os.fspath(manual)
    )
    target = pathlib.Path(builder.data_dir)
    root.mkdir(exist_ok=True)
    try:
        prepare_once(
            make_builder, root, target, download=download, downloads=root / DOWNLOADS
        )
    except Exception as error:  # The builder's code can raise anything.
        raise _failed(config, builder, manual, error) from error
    return make_builder(root)


def full_name(builder: Builder) -> str:
    """Returns a builder's full name, such as `pets/small:1.0.0`."""
    start, _, version = builder.info.full_name.rpartition("/")
    return f"{start}:{version}"


def _open_folder(config: DataConfig, folder: pathlib.Path) -> Builder:
    if config.raw_dir is not None:
        raise ValueError(
            f"data.raw_dir={config.raw_dir!r} is invalid: expected none, because "
            f"data.name={config.name!r} is prepared already."
        )
    missing = [part for part in (INFO, FEATURES) if not (folder / part).is_file()]
    if missing:
        deeper = [*folder.glob(f"*/{INFO}"), *folder.glob(f"*/*/{INFO}")]
        inside = ", ".join(f"{PREFIX}{path.parent}" for path in sorted(deeper)[:5])
        found = f" Pass {inside}." if inside else ""
        raise ValueError(
            f"data.name={config.name!r} is invalid: expected a folder that contains "
            f"{INFO} and {FEATURES}, but {missing[0]} is missing.{found}"
        )
    try:
        with quiet():
            return tfds.builder_from_directory(folder)
    except Exception as error:  # The files can contain anything.
        raise ValueError(
            f"data.name={config.name!r} is invalid: the description of the dataset "
            f"cannot be read ({_line(error)}). Prepare the dataset again."
        ) from error


def _maker(config: DataConfig, name: BuilderName) -> Callable[[Any], Builder]:
    """Returns a function that makes the builder for a folder of prepared data."""
    try:
        kind = tfds.builder_cls(name.name)
    except tfds.core.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        advice = ""
        if config.module is None:
            advice = " A builder of your own needs --data.module MODULE."
        close = " or ".join(map(repr, similar(name.name, known)))
        close = f", such as {close}" if close else ""
        raise ValueError(
            f"data.name={config.name!r} is invalid: expected a dataset that "
            f"tfds.list_builders() lists{close}.{advice}"
        ) from error
    except ImportError as error:
        raise _needs(config, error) from error
    except Exception as error:  # tfds creates an object of incomplete builders.
        raise ValueError(
            f"data.name={config.name!r} is invalid: {_line(error)}. Correct the "
            "code of the dataset's builder."
        ) from error
    configs = sorted(kind.builder_configs)
    if name.config is not None and name.config not in configs:
        known = f"the configurations {', '.join(configs)}" if configs else "none"
        raise ValueError(
            f"data.name={config.name!r} is invalid: expected a configuration of "
            f"dataset {name.name!r}. This dataset has {known}."
        )

    def make(root: Any) -> Builder:
        with quiet():
            return kind(
                data_dir=os.fspath(root),
                config=name.config,
                version=name.version,
                file_format="array_record",
            )

    try:
        make(data_folder(config) / FOLDER)
    except ImportError as error:
        raise _needs(config, error) from error
    except Exception as error:  # A wrong version is an AssertionError.
        raise ValueError(
            f"data.name={config.name!r} is invalid: {_line(error)}"
        ) from error
    return make


def _manual_folder(
    config: DataConfig, builder: Builder, root: pathlib.Path
) -> pathlib.Path:
    """Returns the folder of the files that the user downloads."""
    if config.raw_dir is None:
        return root / DOWNLOADS / MANUAL
    if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        raise ValueError(
            f"data.raw_dir={config.raw_dir!r} is invalid: expected none, because "
            f"data.name={config.name!r} needs no files that you download yourself."
        )
    return pathlib.Path(config.raw_dir).expanduser().absolute()


def _failed(
    config: DataConfig, builder: Builder, manual: pathlib.Path, error: Exception
) -> Exception:
    """Returns the error of a build in one line that says what to do."""
    if isinstance(error, RejectedData) and error.__cause__ is not None:
        error = error.__cause__  # The files are not those of a folder of the user.
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    asked = "manual_dir" in str(error) or "Manual directory" in str(error)
    if instructions and (asked or os.fspath(manual) in str(error)):
        text = re.sub(r"\s+", " ", instructions).strip()
        return ValueError(
            f"data.name={config.name!r} needs files that you download yourself: "
            f"expected them in {manual} (or in --data.raw-dir). The dataset says: "
            f"{printable(text, limit=ADVICE)}"
        )
    if isinstance(error, ImportError):
        return _needs(config, error)
    if type(error).__module__.startswith("jaxseg."):
        return error
    kind = OSError if isinstance(error, OSError) else ValueError
    return kind(
        f"data.name={config.name!r} cannot be prepared, because its builder raises "
        f"{type(error).__name__}: {_line(error)}"
    )


def _needs(config: DataConfig, error: ImportError) -> ValueError:
    package = error.name or "a package"
    extra = "jaxseg[tf]" if package.startswith("tensorflow") else package
    return ValueError(
        f"data.name={config.name!r} is invalid: its builder needs {package}, which is "
        f"not installed ({_line(error)}). Install {extra}."
    )


def _line(error: Exception) -> str:
    """Returns the first line of an error's text."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return printable(lines[0].strip(), limit=300) if lines else type(error).__name__
