"""A pool of forked processes that inherit the records: only ranges are sent.

    python inherit_pool.py WORKERS FILE

What makes copy-on-write work for the notes' program: the records are a global of
the module and no argument of the task.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import tracing
from tracing import trace

RECORDS = None


def range_sum(i: int, j: int) -> float:
    trace("Received a range")
    total = np.nansum(RECORDS[i:j].val)
    trace(f"Sending result back. {tracing.memory()}")
    return total


def main(workers: int, file: str) -> None:
    global RECORDS
    RECORDS = np.load(file).view(np.recarray)
    ends = [i * len(RECORDS) // workers for i in range(workers + 1)]

    start = time.perf_counter()
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, initializer=tracing.start) as pool:
        trace(f"Scheduling tasks... {tracing.memory()}")
        sums = [pool.submit(range_sum, i, j) for i, j in zip(ends, ends[1:])]
        trace(f"Waiting for results... {tracing.memory()}")
        total = sum(future.result() for future in sums)
    total_time_s = time.perf_counter() - start

    tracing.report(total_time_s, total)


if __name__ == "__main__":
    tracing.start()
    main(int(sys.argv[1]), sys.argv[2])
