"""A pool of processes over one copy of the records in shared memory.

    python shared_pool.py fork|spawn WORKERS FILE

The way of the notes: load, copy into a block of a SharedMemoryManager, forget the
private copy, let every worker attach the block. The copy has a timer of its own.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import SharedMemory

import numpy as np

import tracing
from tracing import trace


def range_sum(block: str, count: int, dtype: np.dtype, i: int, j: int) -> float:
    trace("Received data")
    memory = SharedMemory(block)
    records = np.recarray(count, dtype, buf=memory.buf)
    trace(f"Received data {tracing.memory()}")
    total = np.nansum(records[i:j].val)
    trace(f"Sending result back. {tracing.memory()}")
    # The block can be closed when nothing looks into it any more.
    del records
    memory.close()
    return total


def main(method: str, workers: int, file: str) -> None:
    records = np.load(file).view(np.recarray)
    count, dtype = len(records), records.dtype
    ends = [i * count // workers for i in range(workers + 1)]

    with SharedMemoryManager() as manager:
        start = time.perf_counter()
        memory = manager.SharedMemory(records.nbytes)
        shared = np.recarray(count, dtype, buf=memory.buf)
        np.copyto(shared, records)
        print(f"copy_time_s={time.perf_counter() - start:.6f}")
        del records, shared

        start = time.perf_counter()
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(workers, context, initializer=tracing.start) as pool:
            trace(f"Scheduling tasks... {tracing.memory()}")
            sums = [
                pool.submit(range_sum, memory.name, count, dtype, i, j)
                for i, j in zip(ends, ends[1:])
            ]
            trace(f"Waiting for results... {tracing.memory()}")
            total = sum(future.result() for future in sums)
        total_time_s = time.perf_counter() - start
        tracing.report(total_time_s, total)


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
