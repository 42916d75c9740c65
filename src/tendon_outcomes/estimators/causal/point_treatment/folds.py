"""Patients dealt into folds, so that nobody is predicted by a model that saw him."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import IntArray, refuse


def patient_folds(
    cluster: IntArray, treatment: IntArray, *, folds: int, seed: int, compared: tuple[int, int] = (0, 1)
) -> IntArray:
    """The fold of each row, 0 to folds - 1: whole patients, dealt in random order within the treatment of their first row.

    Every fold so has its share of each treatment. Refused when a compared treatment has fewer than two patients a fold.
    """
    if folds < 2:
        raise refuse("cross-fitting needs at least 2 folds")
    for one in compared:
        patients = np.unique(cluster[treatment == one]).size
        if patients < 2 * folds:
            raise refuse(
                f"treatment {one} has {patients} patients for {folds} folds",
                way_out=f"Cross-fitting needs {2 * folds} of each, or fewer folds.",
            )
    patient, first = np.unique(cluster, return_index=True)
    order = np.random.default_rng(seed).permutation(patient.size)
    dealt = order[np.argsort(treatment[first][order], kind="stable")]
    fold = np.empty(patient.size, dtype=np.int64)
    fold[dealt] = np.arange(patient.size) % folds
    return fold[np.searchsorted(patient, cluster)]
