"""Gradient boosting and isolation forest of scikit-learn (BSD-3-Clause), for `ami bench detect`.

    abnormal_baselines.py GIVEN.npz SCORES.npz SEED

GIVEN: judged{k} (streams, n, 19), known{k} (7, n, 19; the first stream is honest), taught{k} numbers of
`known`.
"""

import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest


def main(given, answered, seed):
    arrays = np.load(given)
    known = [arrays[f"known{k}"] for k in range(sum(name.startswith("known") for name in arrays))]
    scores = {}
    learned = {}
    for k in range(sum(name.startswith("judged") for name in arrays)):
        judged, taught = arrays[f"judged{k}"], tuple(arrays[f"taught{k}"].tolist())
        flat = judged.reshape(-1, judged.shape[2])
        if taught not in learned:
            table = np.concatenate([known[one].reshape(-1, judged.shape[2]) for one in taught])
            false = np.concatenate(
                [np.repeat(np.arange(len(known[one])) > 0, known[one].shape[1]) for one in taught]
            )
            boosted = HistGradientBoostingClassifier(class_weight="balanced", random_state=seed)
            forest = IsolationForest(n_estimators=100, random_state=seed)
            learned[taught] = boosted.fit(table, false), forest.fit(table[~false])
        boosted, forest = learned[taught]
        scores[f"gradient boosting{k}"] = boosted.decision_function(flat).reshape(judged.shape[:2])
        scores[f"isolation forest{k}"] = -forest.score_samples(flat).reshape(judged.shape[:2])
    np.savez(answered, **scores)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
