"""Score one word2vec vector file: analogies and word similarity.  Prints one JSON object.

usage: python bench/evaluate.py VECTORS EVALUATION_FOLDER [--text]

Analogies: questions whose four words are among the 30,000 most frequent words (file order,
lower-cased, `</s>` left out); the answer is the word nearest to b - a + c among those, the three
question words excluded; per cent right.  `sem` and `syn` split them by section (`gram...`).
Similarity: Spearman's rank correlation x 100 of cosine and human score over the pairs that have
both words, ties given their average rank; sets of 20 pairs or fewer are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

N_FREQUENT = 30_000
MIN_PAIRS = 21
QUESTIONS_A_BLOCK = 512


def read_binary(path: Path) -> tuple[list[str], np.ndarray]:
    """Words and float32 matrix [n_words, dim] of a binary vector file."""
    data = path.read_bytes()
    header_end = data.index(b"\n") + 1
    n_words, dim = map(int, data[:header_end].split())
    words, matrix = [], np.empty((n_words, dim), np.float32)
    position = header_end
    for row in range(n_words):
        space = data.index(b" ", position)
        words.append(data[position:space].replace(b"\n", b"").decode("utf-8", "replace"))
        matrix[row] = np.frombuffer(data, np.float32, dim, space + 1)
        position = space + 1 + 4 * dim
    return words, matrix


def read_text(path: Path) -> tuple[list[str], np.ndarray]:
    """Words and float32 matrix [n_words, dim] of a text vector file with a header line."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        next(lines)
        rows = [line.rstrip().split(" ") for line in lines]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], np.float32)


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value from 1; equal values share the mean of the ranks they span."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return ((last - sizes + 1 + last) / 2)[group]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of the average ranks; NaN when either side is constant."""
    rank_a, rank_b = (ranks - ranks.mean() for ranks in (average_ranks(a), average_ranks(b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(rank_a @ rank_b / np.sqrt((rank_a @ rank_a) * (rank_b @ rank_b)))


def read_questions(path: Path, row_of: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the four words of each answerable question [n, 4], and whether it is syntactic."""
    questions, syntactic = [], []
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            section = line[2:].strip()
            continue
        words = line.lower().split()
        if len(words) == 4 and all(word in row_of for word in words):
            questions.append([row_of[word] for word in words])
            syntactic.append(section.startswith("gram"))
    return np.array(questions, np.int64).reshape(-1, 4), np.array(syntactic, bool)


def answer(unit: np.ndarray, questions: np.ndarray) -> np.ndarray:
    """Whether the nearest row to b - a + c is d, for each question [n, 4] of rows of `unit`."""
    right = np.zeros(len(questions), bool)
    for start in range(0, len(questions), QUESTIONS_A_BLOCK):
        block = questions[start : start + QUESTIONS_A_BLOCK]
        scores = (unit[block[:, 1]] - unit[block[:, 0]] + unit[block[:, 2]]) @ unit.T
        np.put_along_axis(scores, block[:, :3], -9, 1)
        right[start : start + QUESTIONS_A_BLOCK] = scores.argmax(1) == block[:, 3]
    return right


def per_cent(right: np.ndarray) -> float:
    return round(100 * float(right.sum()) / max(len(right), 1), 2)


def similarity(path: Path, row_of: dict[str, int], unit: np.ndarray) -> float | None:
    """Spearman x 100 of one set of word pairs; None when too few of its words are known."""
    human, cosine = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.lower().split()
        if len(fields) >= 3 and fields[0] in row_of and fields[1] in row_of:
            human.append(float(fields[2]))
            cosine.append(float(unit[row_of[fields[0]]] @ unit[row_of[fields[1]]]))
    if len(human) < MIN_PAIRS:
        return None
    return round(100 * spearman(np.array(human), np.array(cosine)), 1)


def score(words: list[str], matrix: np.ndarray, evaluation: Path) -> dict[str, Any]:
    """All scores of one set of vectors; ValueError when a vector is not finite."""
    if not np.isfinite(matrix).all():
        raise ValueError("vectors hold infinities or NaN")
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    frequent = [row for row, word in enumerate(words) if word != "</s>"][:N_FREQUENT]
    row_of: dict[str, int] = {}
    for position, row in enumerate(frequent):  # the more frequent spelling wins
        row_of.setdefault(words[row].lower(), position)
    questions, syntactic = read_questions(evaluation / "questions-words.txt", row_of)
    right = answer(unit[frequent], questions)
    scores: dict[str, Any] = {
        "analogy": per_cent(right),
        "sem": per_cent(right[~syntactic]),
        "syn": per_cent(right[syntactic]),
        "questions": len(questions),
        "vocab": len(words),
        "dim": matrix.shape[1],
    }
    every_row = {word: row for row, word in enumerate(words)}
    for pairs in sorted(evaluation.glob("EN-*.txt")):
        value = similarity(pairs, every_row, unit)
        if value is not None:
            scores[pairs.stem.removeprefix("EN-")] = value
    return scores


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if name != "--text"]
    if len(names) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    read = read_text if "--text" in arguments else read_binary
    try:
        words, matrix = read(Path(names[0]))
        print(json.dumps(score(words, matrix, Path(names[1]))))
    except (OSError, ValueError) as error:
        print(f"{names[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
