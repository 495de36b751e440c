"""What one point of the growth curves costs, in a process of its own.

    python tools/bench/growth_costs.py styles 13

Prints JSON: what was done, and the CPU-seconds that it took. Starting and
making up the data do not count.
"""

import json
import os
import sys
import tempfile
import time

_ROWS = 2_000  # Of labels, to fit to.
_GRAPH_ROWS = 100_000
_PHOTOS = 32  # Per call of a fused model.
_SIDE = 64  # Pixels of a member's input.


def main(argv):
    kind, number = argv[1], int(argv[2])
    print(json.dumps({"styles": styles, "members": members}[kind](number)))


def styles(number, rows=_ROWS, graph_rows=_GRAPH_ROWS):
    """Fits rules to so many styles, and decides by them in the graph."""
    import numpy as np
    import tensorflow as tf

    from jdstyle.fusion import relation_choice
    from jdstyle.fusion import relations
    from jdstyle.fusion import rules

    rng = np.random.default_rng(0)
    labels = rng.random((rows, number)) < 2 / (number + 2)
    labels[:8] = True  # So that each fold has positives.
    noise = rng.normal(0, 0.3, labels.shape)
    probabilities = np.clip(0.2 + 0.6 * labels + noise, 0, 1).astype("float32")
    folds = np.arange(rows) % 4

    start = time.process_time()
    conditional = relations.conditional(relations.cooccurrence(labels))
    conditional = conditional.astype("float32")
    fit = relation_choice.fit(labels, probabilities, folds, conditional)
    costs = {"fit relations, thresholds": time.process_time() - start}

    fitted = rules.Rules(
        blend=None,
        first_thresholds=fit.first_thresholds,
        conditional=conditional,
        alpha=np.full(number, 0.9, "float32"),
        beta=np.full((number, number), 0.1, "float32"),
        thresholds=fit.thresholds,
        least=1,
        most=min(5, number),
    )

    @tf.function(input_signature=[tf.TensorSpec((None, number), tf.float32)])
    def decide(blended):
        return rules.decide(fitted, rules.correct(fitted, blended))

    batch = tf.constant(np.resize(probabilities, (graph_rows, number)))
    decide(batch)
    start = time.process_time()
    decide(batch)
    costs["decide 100,000 rows"] = time.process_time() - start
    return costs


def members(number):
    """Exports a product of so many networks, loads it and scores photos."""
    import drawn
    import numpy as np
    import tensorflow as tf

    from jdstyle.fusion import blending
    from jdstyle.fusion import ensemble
    from jdstyle.fusion import rules
    from jdstyle.models import classifier
    from jdstyle.serving import loader
    from jdstyle.serving import saved_model

    start = time.process_time()
    networks = [
        ensemble.Network(
            classifier.build(classifier.Architecture("MobileNet", _SIDE)),
            i,
            [0],
        )
        for i in range(number)
    ]
    ones = np.ones(1, "float32")
    fitted = rules.Rules(
        blend=blending.Blend(
            "mean", weights=np.full((number, 1), 1 / number, "float32")
        ),
        first_thresholds=ones / 2,
        conditional=np.ones((1, 1), "float32"),
        alpha=ones,
        beta=np.zeros((1, 1), "float32"),
        thresholds=ones / 2,
        least=0,
        most=1,
    )
    names = [f"member{i}" for i in range(number)]
    scorer = ensemble.Ensemble(networks, names, 1, fitted)
    with tempfile.TemporaryDirectory() as folder:
        product = os.path.join(folder, "saved_model")
        saved_model.export(scorer, ["style"], product)
        costs = {"build, export": time.process_time() - start}
        start = time.process_time()
        classify, _ = loader.load(product)
        costs["load"] = time.process_time() - start
    batch = tf.constant(drawn.prepared(drawn.originals(4)) * (_PHOTOS // 4))
    classify(batch)  # Plans memory and threads.
    start = time.process_time()
    for _ in range(3):
        classify(batch)
    costs["score 32 photos"] = (time.process_time() - start) / 3
    return costs


if __name__ == "__main__":
    main(sys.argv)
