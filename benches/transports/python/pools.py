"""Sums the parts of the records in a pool of Python's, or of loky's.

    python pools.py pickle|shared|inherit|memmap|memmap-spawn|loky WORKERS PARTS FILE

Prints what src/contender.rs says, in Python. All pools are forked, which is what Python has
that is faster, but for loky's and that of memmap-spawn, which start new interpreters.
"""

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import numpy as np

RECORDS = None


def batch_sum(batch) -> int:
    return int(np.nansum(batch["val"]))


def range_sum(begin: int, end: int) -> int:
    return batch_sum(RECORDS[begin:end])


def pool(workers: int, initializer=None, *arguments, method="fork") -> ProcessPoolExecutor:
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(workers, context, initializer, arguments)


def pickled(records, workers, ranges):
    with pool(workers) as executor:
        return list(executor.map(batch_sum, [records[i:j] for i, j in ranges]))


def by_loky(records, workers, ranges):
    from loky import get_reusable_executor

    executor = get_reusable_executor(workers)
    sums = list(executor.map(batch_sum, [records[i:j] for i, j in ranges]))
    executor.shutdown(wait=True)
    return sums


def attach(name, count, dtype):
    global RECORDS, MEMORY
    MEMORY = SharedMemory(name)
    RECORDS = np.ndarray(count, dtype, buffer=MEMORY.buf)


def shared(records, workers, ranges):
    memory = SharedMemory(create=True, size=records.nbytes)
    np.copyto(np.ndarray(len(records), records.dtype, buffer=memory.buf), records)
    with pool(workers, attach, memory.name, len(records), records.dtype) as executor:
        sums = list(executor.map(range_sum, *zip(*ranges)))
    memory.close()
    memory.unlink()
    return sums


def inherited(records, workers, ranges):
    global RECORDS
    RECORDS = records
    with pool(workers) as executor:
        return list(executor.map(range_sum, *zip(*ranges)))


def map_file(file):
    global RECORDS
    RECORDS = np.load(file, mmap_mode="r")


def mapped(file, workers, ranges, method="fork"):
    with pool(workers, map_file, file, method=method) as executor:
        return list(executor.map(range_sum, *zip(*ranges)))


def mapped_by_spawned(file, workers, ranges):
    return mapped(file, workers, ranges, method="spawn")


WAYS = {
    "pickle": pickled,
    "shared": shared,
    "inherit": inherited,
    "memmap": mapped,
    "memmap-spawn": mapped_by_spawned,
    "loky": by_loky,
}


def processor_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN])
    )


def main(way: str, workers: int, parts: int, file: str) -> None:
    # With memmap no more of the file is read here than its header.
    is_mapped = way.startswith("memmap")
    records = np.load(file, mmap_mode="r" if is_mapped else None)
    count = len(records)
    ends = [i * count // parts for i in range(parts + 1)]

    given, ranges = file if is_mapped else records, list(zip(ends, ends[1:]))
    if not is_mapped:
        WAYS[way](given, workers, ranges)
    before, start = processor_seconds(), time.perf_counter()
    sums = WAYS[way](given, workers, ranges)
    wall_s = time.perf_counter() - start
    processor_s = processor_seconds() - before
    print(f"wall_s={wall_s:.6f} processor_s={processor_s:.6f} sums={','.join(map(str, sums))}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
