"""Says whether the processes of a run share one checkpoint directory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

# Orbax exports the array handler, but not the store in which it keeps the types of
# random keys.
from orbax.checkpoint._src.metadata.array_metadata_store import Store

# Every process counts as the one that writes.
LOCAL = ocp.options.MultiprocessingOptions(primary_host=None)


@dataclasses.dataclass(frozen=True)
class Members:
    """Says which processes read and write a checkpoint directory.

    Attributes:
      alone: Whether only this process uses the directory. If False, all processes of
        the run share it, and every one of them must take part in each operation.
    """

    alone: bool = False

    @property
    def first(self) -> bool:
        """Returns whether this process makes, renames and deletes folders."""
        return self.alone or jax.process_index() == 0

    def meet(self, place: str) -> None:
        """Waits until all processes that use the directory have called this method."""
        if not self.alone:
            ocp.multihost.sync_global_processes(place)

    def manager(self, directory: Path, **options: Any) -> ocp.CheckpointManager:
        """Returns Orbax's manager of the directory, which must exist.

        Args:
          directory: The checkpoint directory.
          **options: The options of `ocp.CheckpointManagerOptions`.
        """
        if not self.alone:
            given = ocp.CheckpointManagerOptions(create=False, **options)
            return ocp.CheckpointManager(directory, options=given)
        own = jax.process_index()
        together = ocp.options.MultiprocessingOptions(
            primary_host=own,
            active_processes={own},
            barrier_sync_key_prefix=f"process {own}",
        )
        given = ocp.CheckpointManagerOptions(
            create=False, multiprocessing_options=together, **options
        )
        json = ocp.JsonCheckpointHandler(multiprocessing_options=LOCAL)
        handlers = {"state": _whole_arrays(), "meta": json, "digest": json}
        return ocp.CheckpointManager(directory, options=given, item_handlers=handlers)

    def saving(self, state: Any) -> ocp.args.CheckpointArgs:
        """Returns the arguments with which the manager saves a training state."""
        if self.alone:
            return ocp.args.PyTreeSave(state)
        return ocp.args.StandardSave(state)

    def restoring(self, template: Any) -> ocp.args.CheckpointArgs:
        """Returns the arguments with which the manager restores a training state.

        Args:
          template: A state with the shapes, types and shardings of the result.
        """
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, template)
        if self.alone:
            how = ocp.checkpoint_utils.construct_restore_args(target)
            return ocp.args.PyTreeRestore(target, restore_args=how)
        return ocp.args.StandardRestore(target)


TOGETHER = Members()


def _whole_arrays() -> ocp.PyTreeCheckpointHandler:
    """Returns a handler that writes whole arrays, of which this process has a copy.

    By default, the processes of a run write different parts of an array.
    """
    arrays = ocp.type_handlers.ArrayHandler(
        primary_host=LOCAL.primary_host,
        replica_id=None,  # The first copy that this process has, whichever it is.
        use_replica_parallel=False,
        array_metadata_store=Store(),
    )
    types = ocp.type_handlers.create_type_handler_registry(
        (jax.Array, arrays), (np.ndarray, ocp.type_handlers.NumpyHandler())
    )
    return ocp.PyTreeCheckpointHandler(
        type_handler_registry=types, multiprocessing_options=LOCAL
    )
