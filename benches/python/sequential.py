"""The sum in one process, over and over again.

    python sequential.py FILE

What the listing of the same name does: a first pass, and the median of five more.
"""

import statistics
import sys
import time

import numpy as np

import tracing


def main(file: str) -> None:
    records = np.load(file).view(np.recarray)

    times_s = []
    for _ in range(6):
        start = time.perf_counter()
        total = np.nansum(records.val)
        times_s.append(time.perf_counter() - start)

    print(f"first_time_s={times_s[0]:.6f}")
    tracing.report(statistics.median(times_s[1:]), total)


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1])
