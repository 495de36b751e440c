"""What the styles of one photo say about each other.

Counts and P(A|B) come from training labels; `correct` is the recipe's
equation 2, which moves a probability by the other styles that were predicted.
"""

import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.cluster import hierarchy
from scipy.spatial import distance

# Rows that are counted at a time: they stay in the processor's cache, and
# float32 counts them exactly (up to 2**24).
_BLOCK = 1 << 14


def cooccurrence(labels):
    """Counts the photos that hold both of two styles.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown, which counts nowhere.

    Returns:
        int64 array, shape `(num_styles, num_styles)`: N(A and B), symmetric,
        with N(A) on the diagonal.

    Raises:
        ValueError: if `labels` is not two-dimensional or holds other values.
    """
    return _count(labels)[0]


def occurrence(labels):
    """Counts the photos that hold a style and tell of another.

    Args:
        labels: as in `cooccurrence`.

    Returns:
        int64 array, shape `(num_styles, num_styles)`; `[a, b]` is the number of
        photos with b of which it is known whether they hold a: what N(A and B)
        is counted of. N(B) in each row where every label is known.

    Raises:
        ValueError: as `cooccurrence`.
    """
    return _count(labels)[1]


def _count(labels):
    """Returns N(A and B), and N(B) of the photos whose A is known."""
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise ValueError(
            "`labels` must have the shape (n, num_styles). "
            f"Received: shape {labels.shape}."
        )
    both, given = np.zeros((2, labels.shape[1], labels.shape[1]), np.int64)
    for top in range(0, len(labels), _BLOCK):
        of_block = _count_block(labels[top : top + _BLOCK])
        both += of_block[0]
        given += of_block[1]
    return both, given


def _count_block(block):
    has = block == 1
    unknown = ~(has | (block == 0))
    # NumPy 2.2.0 crashes at times where unsigned numbers are compared with -1.
    if not (block[unknown].astype(np.float64) == -1).all():
        raise ValueError(
            "`labels` must be 0 or 1, or -1 where unknown. "
            f"Received: {np.unique(block)[:10]}."
        )
    has = has.astype(np.float32)
    both = (has.T @ has).astype(np.int64)
    if not unknown.any():
        return both, np.diag(both)
    return both, ((~unknown).astype(np.float32).T @ has).astype(np.int64)


def conditional(counts, given=None):
    """Computes P(A|B) = N(A and B) / N(B), N(B) of photos whose A is known.

    Args:
        counts: int array, shape `(num_styles, num_styles)`, of `cooccurrence`.
        given: None if all labels are known, or the same of `occurrence`.

    Returns:
        float64 array in [0, 1], shape `(num_styles, num_styles)`; `[a, b]` is
        P(a|b), and 0 where no photo holds b and tells of a.

    Raises:
        ValueError: if `counts` is not square.
    """
    counts = _check_square("counts", counts)
    if given is None:
        given = np.broadcast_to(np.diag(counts), counts.shape)
    result = np.zeros(counts.shape)
    np.divide(counts, given, out=result, where=given > 0)
    return result


def mutual_table(names, counts, given=None):
    """Lays out P(A|B) for people: a row per A, a column per given B.

    Args:
        names: sequence of strings, the styles in column order.
        counts: int array, shape `(num_styles, num_styles)`, of `cooccurrence`.
        given: as in `conditional`.

    Returns:
        `pandas.DataFrame` whose index, named `P(row|column)`, holds the names.
        The first column, `N(row)`, is the number of photos with the row's
        style; one float column in [0, 1] per name follows. `to_csv()` writes
        it whole.

    Raises:
        ValueError: if `counts` is not square, or `names` has another length.
    """
    counts = _check_square("counts", counts)
    if len(names) != len(counts):
        raise ValueError(
            f"`names` must hold {len(counts)} names, one for each style of "
            f"`counts`. Received: {len(names)}."
        )
    table = pd.DataFrame(
        conditional(counts, given),
        index=pd.Index(names, name="P(row|column)"),
        columns=list(names),
    )
    table.insert(0, "N(row)", np.diag(counts))
    return table


def related_groups(counts, num_groups, given=None):
    """Groups styles that occur together, by hierarchical clustering.

    Average linkage on the distance 1 - (P(A|B) + P(B|A)) / 2. A style that
    never occurs has the distance 1 to all others.

    Args:
        counts: int array, shape `(num_styles, num_styles)`, of `cooccurrence`.
        num_groups: int from 1 to num_styles.
        given: as in `conditional`.

    Returns:
        List of `num_groups` lists of column numbers from 0: each sorted, the
        lists ordered by their first member; every column is in one of them.

    Raises:
        ValueError: if `counts` is not square or `num_groups` is out of range.

    Source: Sokal and Michener (1958), "A statistical method for evaluating
    systematic relationships" (average linkage).
    """
    counts = _check_square("counts", counts)
    num_styles = len(counts)
    if num_groups not in range(1, num_styles + 1):
        raise ValueError(
            f"`num_groups` must be an integer from 1 to {num_styles}, the "
            f"number of styles. Received: num_groups={num_groups!r}."
        )
    if num_styles == 1:  # `linkage` needs two.
        return [[0]]
    shares = conditional(counts, given)
    distances = 1 - (shares + shares.T) / 2
    np.fill_diagonal(distances, 0)
    tree = hierarchy.linkage(distance.squareform(distances), "average")
    # Not `fcluster`, which gives fewer groups where merges are equally far.
    members = hierarchy.cut_tree(tree, num_groups)[:, 0]
    groups = [np.flatnonzero(members == i).tolist() for i in range(num_groups)]
    return sorted(groups)


def correct(probabilities, positive, conditional, alpha, beta):
    """Applies equation 2 of the recipe to each photo and style, in TensorFlow.

        P_final(A) = alpha_A * P(A) + sum over B in M of beta_AB * P(A|B)

    where M holds the styles other than A that are predicted positive in the
    first stage, by their plain thresholds. Where M is empty, because nothing
    is predicted or only A itself, P_final(A) = P(A), to the last bit.

    The result is not clipped and may exceed 1. Clip it to [0, 1] before the
    thresholds are applied: `relation_fit.fit` chooses them for clipped scores.

    Args:
        probabilities: float32 array or tensor in [0, 1], `(n, num_styles)`; n
            may be unknown or 0.
        positive: bool or int 0 and 1, `(n, num_styles)`: first-stage decisions.
        conditional: float32, `(num_styles, num_styles)`; `[a, b]` is P(a|b).
        alpha: float32, `(num_styles,)`.
        beta: float32, `(num_styles, num_styles)`; `[a, b]` weighs what b says
            about target a. The diagonal is ignored.

    Returns:
        float32 tensor, `(n, num_styles)`.

    Raises:
        ValueError: if the number of styles differs between the arguments.
    """
    probabilities = tf.cast(probabilities, tf.float32)
    positive = tf.cast(positive, tf.float32)
    conditional = tf.cast(conditional, tf.float32)
    alpha = tf.cast(alpha, tf.float32)
    beta = tf.cast(beta, tf.float32)
    num_styles = conditional.shape[0]
    for name, tensor, shape in [
        ("probabilities", probabilities, (None, num_styles)),
        ("positive", positive, (None, num_styles)),
        ("conditional", conditional, (num_styles, num_styles)),
        ("alpha", alpha, (num_styles,)),
        ("beta", beta, (num_styles, num_styles)),
    ]:
        if not tensor.shape.is_compatible_with(shape):
            raise ValueError(
                f"`{name}` must have the shape {shape}. "
                f"Received: shape {tensor.shape}."
            )

    weights = tf.linalg.set_diag(beta * conditional, tf.zeros(num_styles))
    # In float64, where the order of a few float32 terms does not matter:
    # `relation_search` gets the same. In float32 a GPU would round the factors
    # to 10 bits (TF32).
    said = tf.matmul(
        tf.cast(positive, tf.float64),
        tf.cast(weights, tf.float64),
        transpose_b=True,
    )
    said = tf.cast(said, tf.float32)
    num_others = tf.reduce_sum(positive, axis=1, keepdims=True) - positive
    return tf.where(num_others > 0, alpha * probabilities + said, probabilities)


def _check_square(name, array):
    """Returns an array, shape `(num_styles, num_styles)`, num_styles > 0."""
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise ValueError(
            f"`{name}` must have the shape (num_styles, num_styles). "
            f"Received: shape {array.shape}."
        )
    return array
