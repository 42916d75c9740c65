"""Weighted counts of "how many in this stretch of the list rank below me", for all rows at once, in n log n."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray


class RankSums(NamedTuple):
    """Weight of the items of a stretch that rank below, at, and above each query."""

    below: FloatArray
    equal: FloatArray
    above: FloatArray


def rank_sums(item_rank: IntArray, item_weight: FloatArray, *, low: IntArray, high: IntArray, query_rank: IntArray) -> RankSums:
    """For each query: the weights of the items low <= position < high whose rank is below, equal to or above the query's.

    One pass for each binary digit of the ranks, highest first (a wavelet matrix): the items are parted by the digit, keeping
    their order; a query whose digit is 1 has all items with digit 0 in its stretch below it, and goes on among those with 1.
    """
    rank, weight = item_rank, item_weight
    begin, end = low.astype(np.int64), np.maximum(low, high).astype(np.int64)
    prefix = _running(weight)
    everything = prefix[end] - prefix[begin]
    below = np.zeros(query_rank.size)
    largest = max(int(item_rank.max(initial=0)), int(query_rank.max(initial=0)))
    for digit in range(largest.bit_length() - 1, -1, -1):
        zero = (rank >> digit) & 1 == 0
        zeros_before = np.concatenate(([0], np.cumsum(zero)))
        weight_before = _running(np.where(zero, weight, 0.0))
        one = (query_rank >> digit) & 1 == 1
        below += np.where(one, weight_before[end] - weight_before[begin], 0.0)
        begin, end = (_moved(place, zeros_before, one) for place in (begin, end))
        rank, weight = (np.concatenate((values[zero], values[~zero])) for values in (rank, weight))
    prefix = _running(weight)
    equal = prefix[end] - prefix[begin]
    return RankSums(below, equal, everything - below - equal)


def _running(weight: FloatArray) -> FloatArray:
    return np.concatenate(([0.0], np.cumsum(weight)))


def _moved(place: IntArray, zeros_before: IntArray, one: npt.NDArray[np.bool_]) -> IntArray:
    """Where a boundary of a stretch lies after the items were parted."""
    zeros = zeros_before[place]
    return np.asarray(np.where(one, zeros_before[-1] + place - zeros, zeros), dtype=np.int64)
