"""A pool of processes that map the data file: no record is loaded, copied or sent.

    python map_pool.py fork|spawn WORKERS FILE

What the notes did not try, with nothing but NumPy.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import tracing
from tracing import trace


def range_sum(file: str, i: int, j: int) -> float:
    trace("Received data")
    records = np.load(file, mmap_mode="r")
    trace(f"Received data {tracing.memory()}")
    total = np.nansum(records[i:j]["val"])
    trace(f"Sending result back. {tracing.memory()}")
    return total


def main(method: str, workers: int, file: str) -> None:
    # Maps the file too, and reads no more of it than its header.
    count = len(np.load(file, mmap_mode="r"))
    ends = [i * count // workers for i in range(workers + 1)]

    start = time.perf_counter()
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(workers, context, initializer=tracing.start) as pool:
        trace(f"Scheduling tasks... {tracing.memory()}")
        sums = [pool.submit(range_sum, file, i, j) for i, j in zip(ends, ends[1:])]
        trace(f"Waiting for results... {tracing.memory()}")
        total = sum(future.result() for future in sums)
    total_time_s = time.perf_counter() - start

    tracing.report(total_time_s, total)


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
