"""A pool of processes, every batch pickled and sent to the worker that sums it.

    python pickle_pool.py fork|spawn WORKERS FILE

The way of the notes.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import tracing
from tracing import trace


def batch_sum(batch: np.recarray) -> float:
    trace("Received data")
    total = np.nansum(batch.val)
    trace(f"Sending result back. {tracing.memory()}")
    return total


def main(method: str, workers: int, file: str) -> None:
    # The type that the notes' data had: fields are attributes.
    records = np.load(file).view(np.recarray)
    ends = [i * len(records) // workers for i in range(workers + 1)]

    start = time.perf_counter()
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(workers, context, initializer=tracing.start) as pool:
        trace(f"Scheduling tasks... {tracing.memory()}")
        sums = [pool.submit(batch_sum, records[i:j]) for i, j in zip(ends, ends[1:])]
        trace(f"Waiting for results... {tracing.memory()}")
        total = sum(future.result() for future in sums)
    total_time_s = time.perf_counter() - start

    tracing.report(total_time_s, total)


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
