"""gensim's evaluations: analogies and word similarity, as its KeyedVectors reports them.

`wordvec.evaluate` reads more layouts and says more; this is what scripts for gensim expect, its
rules about case and unknown words included.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import numpy as np

from wordvec import significance
from wordvec.formats.packing import open_reader
from wordvec.keyedqueries import KeyedQueries
from wordvec.significance import Correlation

logger = logging.getLogger(__name__)

Path = str | os.PathLike[str]
Section = dict[str, Any]  # section: str, correct and incorrect: lists of Quadruple
Quadruple = tuple[str, str, str, str]

_N_ANSWERS = 5  # of these the first that is no word of the question counts
_QUESTIONS_AT_ONCE = 4096


class KeyedEvaluation(KeyedQueries):
    """KeyedQueries that can be measured against sets of analogies and of word pairs."""

    def evaluate_word_analogies(
        self,
        analogies: Path,
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[Section]]:
        """Answer a file of analogies (`: section` lines and lines of four words), packed or not.

        Only the first `restrict_vocab` keys count.  Questions with other words are left out, or
        wrong with `dummy4unknown`.  `similarity_function` names the method that answers, such as
        "most_similar_cosmul" (gensim takes the argument and always uses most_similar).

        Returns the share of right answers and the sections; the last has all lines.  ValueError
        for a question before the first section, ZeroDivisionError for a file without questions.
        """
        rows = self._rows_for(restrict_vocab, case_insensitive)
        logger.info(
            "Evaluating word analogies for top %s words in the model on %s",
            restrict_vocab, analogies,
        )  # fmt: skip
        sections: list[Section] = []
        asked: list[tuple[Section, Quadruple, bool]] = []
        for section, words in _questions(analogies, case_insensitive):
            if not sections or sections[-1] is not section:
                sections.append(section)
            if words is not None:
                asked.append((section, words, all(word in rows for word in words)))
        if not asked:
            raise ZeroDivisionError(f"{os.fspath(analogies)}: no line with four words")
        answers = self._answers(
            [words for _, words, is_known in asked if is_known],
            rows, restrict_vocab, case_insensitive, similarity_function,
        )  # fmt: skip
        for section, words, is_known in asked:
            if is_known:
                section["correct" if next(answers) == words[3] else "incorrect"].append(words)
            elif dummy4unknown:
                section["incorrect"].append(words)
        for section in sections:
            self._log_evaluate_word_analogies(section)
        n_unknown = sum(not is_known for _, _, is_known in asked)
        logger.info(
            "Quadruplets with out-of-vocabulary words: %.1f%%", 100.0 * n_unknown / len(asked)
        )
        total = {
            "section": "Total accuracy",
            "correct": list(itertools.chain.from_iterable(s["correct"] for s in sections)),
            "incorrect": list(itertools.chain.from_iterable(s["incorrect"] for s in sections)),
        }
        return self._log_evaluate_word_analogies(total), [*sections, total]

    def _rows_for(self, restrict_vocab: int | None, case_insensitive: bool) -> dict[str, int]:
        """The words that count, in capitals if case does not, and their rows; the most frequent
        of words that differ in case is meant."""
        keys = self.words[:restrict_vocab]
        rows = zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True)
        if case_insensitive:
            return {key.upper(): row for key, row in rows}
        return dict(rows)

    def _answers(
        self,
        questions: Sequence[Quadruple],
        rows: dict[str, int],
        restrict_vocab: int | None,
        case_insensitive: bool,
        similarity_function: str,
    ) -> Iterator[str | None]:
        """gensim's answer to each question: the first of five that is known and not asked about;
        the last of them when none is."""
        if similarity_function == "most_similar":
            found = self._nearest_to_analogies(questions, rows, restrict_vocab)
        else:
            found = (
                getattr(self, similarity_function)(
                    positive=[self.words[rows[b]], self.words[rows[c]]],
                    negative=[self.words[rows[a]]],
                    topn=_N_ANSWERS,
                    restrict_vocab=restrict_vocab,
                )
                for a, b, c, _ in questions
            )
        for words, neighbours in zip(questions, found, strict=True):
            answer = None
            for name, _ in neighbours:
                answer = name.upper() if case_insensitive else name
                if answer in rows and answer not in words[:3]:
                    break
            yield answer

    def _nearest_to_analogies(
        self, questions: Sequence[Quadruple], rows: dict[str, int], restrict_vocab: int | None
    ) -> Iterator[list[tuple[str, float]]]:
        """What most_similar(positive=[b, c], negative=[a]) finds, many questions at once."""
        first, last = self._clipped(0, None, restrict_vocab)
        for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
            step = questions[start : start + _QUESTIONS_AT_ONCE]
            asked = np.array([[rows[word] for word in words[:3]] for words in step])
            with np.errstate(divide="ignore", invalid="ignore"):
                a, b, c = (self.matrix[row] / self.norms[row, None] for row in asked.T)
            found = self.nearest(b - a + c, _N_ANSWERS, asked.tolist(), first, last)
            yield from self._named(*found)

    @staticmethod
    def _log_evaluate_word_analogies(section: Section) -> float:
        """The share of right answers of a section, which is logged; 0 for one without answers."""
        n_correct, n_wrong = len(section["correct"]), len(section["incorrect"])
        if n_correct + n_wrong == 0:
            return 0.0
        KeyedEvaluation.log_accuracy(section)
        return n_correct / (n_correct + n_wrong)

    @staticmethod
    def log_accuracy(section: Section) -> None:
        """Log the share of right answers of a section."""
        n_correct, n_wrong = len(section["correct"]), len(section["incorrect"])
        if n_correct + n_wrong:
            share = 100.0 * n_correct / (n_correct + n_wrong)
            name, n_all = section["section"], n_correct + n_wrong
            logger.info("%s: %.1f%% (%i/%i)", name, share, n_correct, n_all)

    def evaluate_word_pairs(
        self,
        pairs: Path,
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Correlation, Correlation, float]:
        """Compare cosines with people's judgements: lines of two words and a number.

        Lines of another form and comments (#) are left out; so are pairs with words that are not
        among the first `restrict_vocab` keys, or their cosine counts as 0 with `dummy4unknown`.

        Returns Pearson's and Spearman's correlation, each (statistic, pvalue), and the percentage
        of pairs with unknown words.  ValueError when no pair is left, or only one.
        """
        rows = self._rows_for(restrict_vocab, case_insensitive)
        gold: list[float] = []
        cosines: list[float] = []
        n_unknown = 0
        for a, b, judgement in _pairs(pairs, delimiter, encoding, case_insensitive):
            is_known = a in rows and b in rows
            n_unknown += not is_known
            if is_known:
                cosines.append(self.similarity(self.words[rows[a]], self.words[rows[b]]))
            elif dummy4unknown:
                cosines.append(0.0)
            else:
                continue
            gold.append(judgement)
        if not gold:
            raise ValueError(
                f"No valid similarity judgements found in {pairs}: either invalid format or "
                f"all are out-of-vocabulary in {self}"
            )
        if len(gold) == 1:
            raise ValueError(f"one pair in {pairs}: a correlation needs two or more")
        sides = np.array(gold), np.array(cosines, dtype=np.float64)
        pearson, spearman = significance.pearson(*sides), significance.spearman(*sides)
        n_pairs = len(gold) if dummy4unknown else len(gold) + n_unknown
        oov_ratio = float(n_unknown) / n_pairs * 100
        self.log_evaluate_word_pairs(pearson, spearman, oov_ratio, pairs)
        return pearson, spearman, oov_ratio

    @staticmethod
    def log_evaluate_word_pairs(
        pearson: Sequence[float], spearman: Sequence[float], oov: float, pairs: Any
    ) -> None:
        """Log the correlations of a set of pairs, and the percentage with unknown words."""
        logger.info("Pearson correlation coefficient against %s: %.4f", pairs, pearson[0])
        logger.info(
            "Spearman rank-order correlation coefficient against %s: %.4f", pairs, spearman[0]
        )
        logger.info("Pairs with unknown words ratio: %.1f%%", oov)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read, unpacked if it is packed."""
    with open_reader(os.fspath(path)) as reader:
        yield reader.stream


def _questions(path: Path, case_insensitive: bool) -> Iterator[tuple[Section, Quadruple | None]]:
    """Each section, once with None, and then with each of its questions."""
    section: Section | None = None
    with _opened(path) as lines:
        for number, raw in enumerate(lines):
            line = raw.decode("utf-8")
            if line.startswith(": "):
                section = {"section": line.lstrip(": ").strip(), "correct": [], "incorrect": []}
                yield section, None
                continue
            if section is None:
                raise ValueError(f"Missing section header before line #{number} in {path}")
            words = (line.upper() if case_insensitive else line).split()
            if len(words) == 4:
                yield section, cast(Quadruple, tuple(words))
            else:
                logger.info("Skipping invalid line #%i in %s", number, path)


def _pairs(
    path: Path, delimiter: str, encoding: str, case_insensitive: bool
) -> Iterator[tuple[str, str, float]]:
    with _opened(path) as stream:
        lines: Iterable[str] = io.TextIOWrapper(stream, encoding=encoding)
        for number, line in enumerate(lines):
            if line.startswith("#"):
                continue
            fields = (line.upper() if case_insensitive else line).split(delimiter)
            try:
                a, b, judgement = fields
                yield a, b, float(judgement)
            except ValueError:
                logger.info("Skipping invalid line #%d in %s", number, path)
