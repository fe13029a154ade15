"""The sum in one process.

    python sequential.py FILE
"""

import sys
import time

import numpy as np

import tracing
from tracing import trace


def main(file: str) -> None:
    records = np.load(file).view(np.recarray)

    start = time.perf_counter()
    total = np.nansum(records.val)
    total_time_s = time.perf_counter() - start

    trace(tracing.memory())
    # Exact: every value is 0, 1 or NaN, so the sum has no fraction.
    print(f"total_time_s={total_time_s:.6f} total_sum={int(total)}")


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1])
