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

RECORDS = None


def range_sum(i: int, j: int) -> float:
    return np.nansum(RECORDS[i:j].val)


def main(workers: int, file: str) -> None:
    global RECORDS
    RECORDS = np.load(file).view(np.recarray)
    ends = [i * len(RECORDS) // workers for i in range(workers + 1)]

    start = time.perf_counter()
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        sums = [pool.submit(range_sum, i, j) for i, j in zip(ends, ends[1:])]
        total = sum(future.result() for future in sums)
    total_time_s = time.perf_counter() - start

    # Exact: every value is 0, 1 or NaN, so the sum has no fraction.
    print(f"total_time_s={total_time_s:.6f} total_sum={int(total)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
