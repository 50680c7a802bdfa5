"""How good are vectors?  Functions on Vectors and arrays; results are dataclasses that JSON takes
(`dataclasses.asdict`); nothing is printed.

Read a set with `read_set` (or a reader of its own), then score vectors on it:

    evaluate_analogies   questions (Google, MSR, BATS)         share of right answers
    evaluate_pairs       word similarity, any column layout    Spearman, Pearson
    evaluate_categories  word and category                     purity of k-means clusters
    neighbour_overlap    two sets of vectors, no set           Jaccard of the k nearest
    soundness            no set                                zero rows, nan, duplicate words
"""

from __future__ import annotations

from wordvec.evaluate.analogies import AnalogyScore, SectionScore, answer, evaluate_analogies
from wordvec.evaluate.answering import METHODS, fourth_words
from wordvec.evaluate.categories import (
    Categories,
    CategoryScore,
    evaluate_categories,
    purity,
    read_categories,
)
from wordvec.evaluate.correlation import (
    Interval,
    average_ranks,
    bootstrap_intervals,
    pearson,
    spearman,
)
from wordvec.evaluate.lookup import Lookup, fold, unit_rows
from wordvec.evaluate.overlap import OverlapScore, neighbour_overlap
from wordvec.evaluate.questions import (
    AnalogySet,
    Question,
    Section,
    read_msr,
    read_questions,
    read_word_relations,
)
from wordvec.evaluate.sets import READERS, EvaluationSet, LeftOut, find_layout, read_set, read_sets
from wordvec.evaluate.soundness import Norms, RowLengths, Soundness, soundness, soundness_of
from wordvec.evaluate.wordpairs import (
    SimilarityScore,
    WordPairs,
    evaluate_pairs,
    pair_cosines,
    read_pairs,
)

__all__ = [
    "METHODS",
    "READERS",
    "AnalogyScore",
    "AnalogySet",
    "Categories",
    "CategoryScore",
    "EvaluationSet",
    "Interval",
    "LeftOut",
    "Lookup",
    "Norms",
    "OverlapScore",
    "Question",
    "RowLengths",
    "Section",
    "SectionScore",
    "SimilarityScore",
    "Soundness",
    "WordPairs",
    "answer",
    "average_ranks",
    "bootstrap_intervals",
    "evaluate_analogies",
    "evaluate_categories",
    "evaluate_pairs",
    "find_layout",
    "fold",
    "fourth_words",
    "neighbour_overlap",
    "pair_cosines",
    "pearson",
    "purity",
    "read_categories",
    "read_msr",
    "read_pairs",
    "read_questions",
    "read_set",
    "read_sets",
    "read_word_relations",
    "soundness",
    "soundness_of",
    "spearman",
    "unit_rows",
]
