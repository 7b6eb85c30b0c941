"""What is told of many measured times."""

from collections.abc import Sequence

import numpy

from tests.load.population import Percentiles


def percentiles(seconds: Sequence[float]) -> Percentiles:
    if not len(seconds):
        return Percentiles(0, 0, 0, 0, 0)
    p50, p95, p99, longest = (1000 * float(found) for found in numpy.percentile(seconds, (50, 95, 99, 100)))
    return Percentiles(len(seconds), p50, p95, p99, longest)
