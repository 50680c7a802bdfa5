"""Autotune: the settings of a classifier that do best on a validation file, within a given time.

A trial trains with some settings and scores the validation file.  The first takes the settings as
they are given; each later one changes the best so far by random amounts that shrink as time goes
by.  Only settings and scores are kept, so a search needs the memory of one model; the best are
trained again at the end.
"""

from __future__ import annotations

from wordvec.tune.classifiers import TOO_SHORT, TOO_SMALL, ClassifierJudge, Tuned, autotune
from wordvec.tune.metric import Metric
from wordvec.tune.search import (
    RANGES,
    STARTS,
    TUNED,
    Candidate,
    Failed,
    Judge,
    Search,
    Trial,
    next_candidate,
)
from wordvec.tune.sizes import FileSizes, file_bytes, parse_size

__all__ = [
    "RANGES",
    "STARTS",
    "TOO_SHORT",
    "TOO_SMALL",
    "TUNED",
    "Candidate",
    "ClassifierJudge",
    "Failed",
    "FileSizes",
    "Judge",
    "Metric",
    "Search",
    "Trial",
    "Tuned",
    "autotune",
    "file_bytes",
    "next_candidate",
    "parse_size",
]
