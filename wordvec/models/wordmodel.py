"""fastText's skipgram and cbow: a file of text in, a FastTextModel out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wordvec.corpus import FASTTEXT_RULES, EncodedCorpus
from wordvec.errors import CorpusError, DivergedError
from wordvec.fasttextmodel import DenseRows, FastTextDictionary, FastTextModel
from wordvec.models.checkpoints import Checkpoints, refuse_both
from wordvec.models.fasttext import (
    TrainedSubwords,
    corpus_for,
    file_args,
    file_output,
    train_subwords,
)
from wordvec.models.labelling import line_chunks
from wordvec.models.pretrained import Pretrained, vectors_of
from wordvec.models.validating import Validation
from wordvec.models.wordqueries import BLANKS
from wordvec.options import FastTextOptions
from wordvec.progress import Reporter, silent
from wordvec.trainer import Outcome
from wordvec.traininglog import EpochRecord
from wordvec.words import WordList

# Noise words that a whole window shares move once by the sum of its pairs.  Above such a rate that
# overshoots: the tutorial's -lr 0.5 diverges on text that the original's single steps learn from.
SHARED_NOISE_ALPHA = 0.15

_BLANK_BYTES = re.compile(BLANKS.pattern.encode())


@dataclass
class TrainedWordModel(FastTextModel):
    """A model of word vectors as training leaves it; `outcome.interrupted` after Ctrl-C."""

    outcome: Outcome | None = None
    notes: list[str] = field(default_factory=list)
    validation_records: list[EpochRecord] = field(default_factory=list)


def train_unsupervised(
    source: str | Iterable[Sequence[str]],
    options: FastTextOptions,
    *,
    label_prefix: str = "__label__",
    min_count_label: int = 0,
    reporter: Reporter = silent,
    on_dictionary: Callable[[FastTextDictionary], None] | None = None,
    pretrained: Pretrained | None = None,
    memory: int | None = None,
    validation: Validation | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainedWordModel:
    """Train word vectors on a file (not stdin), or on lists of words, as the fasttext command's
    skipgram and cbow.

    Words that begin with `label_prefix` are labels: in the dictionary, but neither trained on nor
    among the words.  `on_dictionary` is called when the text is read.  pretrained: vectors to start
    from, or a file that wordvec.load reads; words that only they have join the dictionary.  The
    first Ctrl-C gives the model so far.  checkpoints: see word2vec.train_vectors; with the losses
    ns and hs alone.  CorpusError, OptionError, CheckpointError, DivergedError (which holds the
    model from before).
    """
    options = replace(options, as_command=True)
    if options.alpha > SHARED_NOISE_ALPHA and options.negatives == "window":
        options = replace(options, negatives="pair")
    if source == "-":
        raise CorpusError("Cannot use stdin for training!")
    refuse_both(validation, checkpoints)
    if checkpoints is not None:
        checkpoints.check(options)
    vectors = vectors_of(pretrained, options.vector_size)
    corpus = corpus_for(
        source,
        options,
        vectors,
        rules=replace(FASTTEXT_RULES, label_prefix=label_prefix),
        n_threads=options.workers,
        memory=memory,
        reporter=reporter,
    )
    labels: Counter[bytes] = Counter()
    if isinstance(source, str):
        labels = count_labels(source, label_prefix.encode("utf-8", "surrogateescape"))
    dictionary = _dictionary(corpus, labels, min_count_label, label_prefix)
    if on_dictionary is not None:
        on_dictionary(dictionary)
    try:
        trained = train_subwords(corpus, options, reporter, vectors, validation, checkpoints)
    except DivergedError as error:
        error.model = model_of(error.model, dictionary, options)
        raise
    model = model_of(trained, dictionary, options)
    model.notes = corpus.notes
    model.validation_records = trained.validation_records
    return model


def count_labels(path: str, prefix: bytes) -> Counter[bytes]:
    """How often each word with the prefix stands in a file, in order of first appearance."""
    labels: Counter[bytes] = Counter()
    if not prefix:
        return labels
    for chunk in line_chunks(path):
        if prefix in chunk:  # most texts have none, and this costs them next to nothing
            labels.update(w for w in _BLANK_BYTES.split(chunk) if w.startswith(prefix))
    return labels


def _dictionary(
    corpus: EncodedCorpus, labels: Counter[bytes], min_count_label: int, prefix: str
) -> FastTextDictionary:
    _, starts, counts = corpus.vocab.arrays()
    words = corpus.vocab.word_list()
    kept = [(label, n) for label, n in labels.most_common() if n >= min_count_label]
    if kept:
        n_bytes = int(starts[-1])
        ends = np.cumsum([len(label) for label, _ in kept]) + n_bytes
        data = np.concatenate(
            [words.data[:n_bytes], np.frombuffer(b"".join(label for label, _ in kept), np.uint8)]
        )
        words = WordList(data, np.concatenate([words.ends, ends.astype(np.uint64)]))
    return FastTextDictionary(
        words,
        np.concatenate([counts, np.array([n for _, n in kept], np.int64)]),
        len(counts),
        len(kept),
        corpus.n_tokens_read,  # labels are among them
        label_prefix=prefix,
    )


def model_of(
    trained: TrainedSubwords, dictionary: FastTextDictionary, options: FastTextOptions
) -> TrainedWordModel:
    """The trained rows as a model; they are not copied."""
    rules = trained.subwords.rules
    n_words = dictionary.n_words
    rows = DenseRows(
        trained.weights.in_rows,
        options.vector_size,
        n_words,
        trained.inputs.row_of_bucket if rules.has_ngrams else None,
        options.seed,
    )
    output = file_output(trained.weights, options, n_words)
    return TrainedWordModel(file_args(options, rules), dictionary, rows, output, trained.outcome)
