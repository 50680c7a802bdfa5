"""More text for a trained model: new words join, old ones stay near where they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wordvec.corpus import EncodedCorpus, read_corpus
from wordvec.errors import CorpusError, OptionError
from wordvec.models.validating import Validation
from wordvec.morewords import renumbered
from wordvec.movement import Movement, movement
from wordvec.trainer import Outcome
from wordvec.wordchoice import TrimRule

if TYPE_CHECKING:
    from wordvec.models.onlinemodel import OnlineModel


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did.

    n_tokens_read, n_tokens_kept   words of the new text, and those of them in the vocabulary
    new_words   the words that joined, most frequent first; their rows are the last ones
    n_old_words words that were there
    moved       of all old words; moved_in_text of those that the new text has
    outcome     of the training
    """

    n_tokens_read: int
    n_tokens_kept: int
    new_words: list[str]
    n_old_words: int
    moved: Movement
    moved_in_text: Movement
    outcome: Outcome


def update(
    model: OnlineModel,
    source: Any,
    *,
    epochs: int | None = None,
    alpha: float | None = None,
    min_alpha: float | None = None,
    anchor: float = 0.5,
    min_count: int | None = None,
    trim_rule: TrimRule | None = None,
    callbacks: Sequence[Any] = (),
    validation: Validation | None = None,
    n_shown: int = 20,
) -> UpdateReport:
    """See OnlineModel.update."""
    if not isinstance(anchor, int | float) or not 0 <= anchor <= 1:
        raise OptionError("anchor", "a number from 0 to 1", anchor)
    given = {"epochs": epochs, "alpha": alpha, "min_alpha": min_alpha, "min_count": min_count}
    own = {name: value for name, value in given.items() if value is not None}
    if alpha is not None and min_alpha is None:
        own["min_alpha"] = min(model.min_alpha, alpha)
    dataclasses.replace(model.options, **own)  # OptionError
    model._need_network("an update")
    model._synchronise()
    text = read_corpus(
        source, rules=model._rules, min_count=1, n_threads=model.workers, memory=model._memory,
        reporter=model._reporter,
    )  # fmt: skip
    network = model._need_network("an update")
    n_old, before = len(network.vocab), model.wv.matrix.copy()
    old_buckets = None if network.inputs is None else network.inputs.row_of_bucket >= 0
    first = int(text.vocab.has_separator)
    saved = {name: model.__dict__[name] for name in own}
    model.__dict__.update(own)
    try:
        model._grow(
            text.vocab.words[first:], text.vocab.counts[first:], text.n_tokens_read, trim_rule
        )
        corpus = _of_model(text, model)
        with _Anchor(model, n_old, old_buckets, anchor):
            outcome = model._run(corpus, callbacks, validation)
    finally:
        model.__dict__.update(saved)
    words = model.wv.index_to_key
    after = model.wv.matrix
    in_text = np.unique(corpus.ids)
    in_text = in_text[in_text < n_old]
    return UpdateReport(
        text.n_tokens_read, corpus.n_tokens_kept, list(words[n_old:]), n_old,
        movement(before, after[:n_old], words, n_shown),
        movement(before[in_text], after[in_text], [words[k] for k in in_text.tolist()], n_shown),
        outcome,
    )  # fmt: skip


def _of_model(text: EncodedCorpus, model: OnlineModel) -> EncodedCorpus:
    """The text as rows of the model's vocabulary."""
    network = model._need_network("an update")
    rows = network.vocab.word_list().find_words(text.vocab.word_list()).astype(np.int32)
    ids, starts = renumbered(text, rows, model._memory)
    if not len(ids):
        raise CorpusError(
            f"none of the {text.n_tokens_read:,} words of the new text is in the vocabulary or "
            f"occurs {model.min_count} times"
        )
    return dataclasses.replace(
        text, ids=ids, starts=starts, vocab=network.vocab, n_tokens_kept=len(ids)
    )


class _Anchor:
    """Locks the rows that were there before to a share of their steps, while it is entered.

    The user's own locks count as well.  Of n-grams those that old words had are held.
    """

    def __init__(self, model: OnlineModel, n_old: int, old_buckets: Any, anchor: float) -> None:
        self.model = model
        self.n_old = n_old
        self.anchor = anchor
        self.old_buckets = old_buckets
        self.names = ["vectors_lockf"]
        if old_buckets is not None:
            self.names = ["vectors_vocab_lockf", "vectors_ngrams_lockf"]
        self.saved: dict[str, Any] = {}

    def __enter__(self) -> None:
        network = self.model._need_network("an update")
        values = self.model.wv.__dict__
        self.saved = {name: values.get(name) for name in self.names}
        if not self.anchor:
            return
        values[self.names[0]] = self._held(
            self.saved[self.names[0]], len(network.vocab), np.arange(self.n_old)
        )
        if self.old_buckets is not None:
            is_old = np.flatnonzero(self.old_buckets)
            values[self.names[1]] = self._held(
                self.saved[self.names[1]], len(self.old_buckets), is_old
            )

    def _held(self, locks: Any, n_rows: int, rows: Any) -> Any:
        """float32[n_rows]: the user's locks, those of `rows` scaled."""
        found = np.ones(n_rows, np.float32)
        if locks is not None and len(locks):
            found = np.resize(np.asarray(locks, np.float32), n_rows)
        found[rows] *= np.float32(1 - self.anchor)
        return found

    def __exit__(self, *error: object) -> None:
        for name, value in self.saved.items():
            if value is None:
                self.model.wv.__dict__.pop(name, None)
            else:
                self.model.wv.__dict__[name] = value


def describe(report: UpdateReport) -> list[str]:
    """The report in lines for people."""
    lines = [
        f"{report.n_tokens_read:,} words read, {report.n_tokens_kept:,} of them known; "
        f"{len(report.new_words):,} new words beside {report.n_old_words:,}",
    ]
    for name, moved in (
        ("all old words", report.moved),
        ("those in the text", report.moved_in_text),
    ):
        if not moved.n_words:
            continue
        points = ", ".join(f"{p} %: {v:.3f}" for p, v in moved.percentiles.items())
        lines.append(f"{name}: {moved.n_moved:,} of {moved.n_words:,} moved; cosine with before: "
                     f"mean {moved.mean:.3f}; {points}")  # fmt: skip
    if report.moved.most_moved:
        shown = ", ".join(f"{w} {c:.2f}" for w, c in report.moved.most_moved[:10])
        lines.append(f"moved most: {shown}")
    return lines
