"""Measures how fast threads and processes read batches."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import time

import psutil

from jaxseg.config import DataConfig
from jaxseg.data import Source, train_batches

BATCH = 16


def measure(
    source: Source, config: DataConfig, batches: int, numbers: tuple[int, ...]
) -> list[dict]:
    """Returns one row for each number of processes; 0 stands for threads."""
    rows = []
    for processes in numbers:
        several = dataclasses.replace(config, worker_processes=processes, workers=2)
        start = time.perf_counter()
        stream = train_batches(source, several, seed=0, batch_size=BATCH)
        next(stream)
        first = time.perf_counter() - start
        for _ in range(4 * max(1, processes)):  # These were read in advance.
            next(stream)
        readers = [
            psutil.Process(one.pid)
            for one in multiprocessing.active_children()
            if "grain" in one.name
        ]
        main, workers = _cpu([psutil.Process()]), _cpu(readers)
        start = time.perf_counter()
        for _ in range(batches):
            next(stream)
        wall, examples = time.perf_counter() - start, batches * BATCH
        workers = _cpu(readers) - workers
        main = _cpu([psutil.Process()]) - main
        memory = [one.memory_full_info() for one in readers]
        rows.append(
            {
                "processes": processes,
                "per_wall_second": round(examples / wall, 1),
                "milliseconds": round(1e3 * (main + workers) / examples, 2),
                "milliseconds_of_main": round(1e3 * main / examples, 2),
                "seconds_to_first_batch": round(first, 1),
                "private_mib": [round(one.uss / 2**20) for one in memory],
                "load": round(os.getloadavg()[0], 1),
            }
        )
        stream.close()
    return rows


def _cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)
