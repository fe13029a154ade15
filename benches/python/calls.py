"""What calls of Python's pool of processes take.

    python calls.py empty|large|map|chunks|first COUNT

Pool.map sends its arguments in chunks, by default four for each worker, and each chunk is
one task: that is `chunks`. In `map` the chunk size is one.
"""

import multiprocessing
import sys
import time

LARGE = 64 << 10
MAPPERS = 2


def nothing() -> None:
    pass


def sum_bytes(data: bytes) -> int:
    return sum(data)


def increment(number: int) -> int:
    return number + 1


def calls(count: int, call) -> int:
    for _ in range(-(-count // 10)):
        call()
    start = time.perf_counter_ns()
    for _ in range(count):
        call()
    return time.perf_counter_ns() - start


def first(count: int) -> int:
    took = 0
    for _ in range(count):
        start = time.perf_counter_ns()
        with multiprocessing.Pool(1) as pool:
            pool.apply(nothing)
            took += time.perf_counter_ns() - start
    return took


def mapped(count: int, chunk: int | None) -> int:
    with multiprocessing.Pool(MAPPERS) as pool:
        pool.map(increment, range(-(-count // 10)), chunk)
        start = time.perf_counter_ns()
        results = pool.map(increment, range(count), chunk)
        took = time.perf_counter_ns() - start
    assert results == list(range(1, count + 1))
    return took


def main(experiment: str, count: int) -> None:
    match experiment:
        case "empty":
            with multiprocessing.Pool(1) as pool:
                took = calls(count, lambda: pool.apply(nothing))
        case "large":
            data = bytes(i & 255 for i in range(LARGE))
            with multiprocessing.Pool(1) as pool:
                took = calls(count, lambda: pool.apply(sum_bytes, (data,)))
        case "map":
            took = mapped(count, 1)
        case "chunks":
            took = mapped(count, None)
        case "first":
            took = first(count)
        case other:
            raise ValueError(f"expected empty, large, map, chunks or first, not {other}")
    print(f"ns={took}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
