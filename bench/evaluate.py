"""Score one file of word vectors: analogies and word similarity.  Prints one JSON object.

usage: python bench/evaluate.py VECTORS EVALUATION_FOLDER

Analogies: questions whose four words are among the 30,000 most frequent words (file order, case
ignored, `</s>` left out); the answer is the word nearest to b - a + c among those, the three
question words excluded; per cent right.  `sem` and `syn` split them by section (`gram...`).
Similarity: Spearman's rank correlation x 100 of cosine and human score over the pairs that have
both words (the pairs' words lower-cased), ties given their average rank; sets of 20 pairs or fewer
are left out.  Everything is counted by wordvec.evaluate.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from wordvec import Vectors, WordvecError, evaluate, load

N_FREQUENT = 30_000
MIN_PAIRS = 21


def per_cent(section: evaluate.SectionScore) -> float:
    return round(100 * (section.accuracy or 0.0), 2)


def similarity(path: Path, vectors: Vectors) -> float | None:
    """Spearman x 100 of one set of word pairs; None when too few of its words are known."""
    read = evaluate.read_pairs(path)
    lower = [(first.lower(), second.lower()) for first, second in read.pairs]
    pairs = evaluate.WordPairs(read.name, lower, read.scores)
    found = evaluate.evaluate_pairs(vectors, pairs, ignore_case=False)
    if found.n_used < MIN_PAIRS or found.spearman is None:
        return None
    return round(100 * found.spearman, 1)


def score(vectors: Vectors, evaluation: Path) -> dict[str, Any]:
    """All scores of one set of vectors; ValueError when a vector is not finite."""
    if not np.isfinite(vectors.matrix).all():
        raise ValueError("vectors hold infinities or NaN")
    rows = [row for row, word in enumerate(vectors.words) if word != "</s>"][:N_FREQUENT]
    frequent = Vectors([vectors.words[row] for row in rows], vectors.matrix[rows])
    questions = evaluate.read_questions(evaluation / "questions-words.txt")
    analogies = evaluate.evaluate_analogies(frequent, questions)
    scores: dict[str, Any] = {
        "analogy": per_cent(analogies.total),
        "sem": per_cent(analogies.semantic),
        "syn": per_cent(analogies.syntactic),
        "questions": analogies.total.n_seen,
        "vocab": len(vectors),
        "dim": vectors.dim,
    }
    for path in sorted(evaluation.glob("EN-*.txt")):
        value = similarity(path, vectors)
        if value is not None:
            scores[path.stem.removeprefix("EN-")] = value
    return scores


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(json.dumps(score(load(arguments[0]), Path(arguments[1]))))
    except (OSError, ValueError, WordvecError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
