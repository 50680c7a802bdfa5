"""Training with validation as the commands do it: from ids to weights, without a model to keep."""

from __future__ import annotations

import dataclasses

from wordvec.corpus import EncodedCorpus
from wordvec.kernels import sampling
from wordvec.models.validating import Validation
from wordvec.models.word2vec import Trained, Word2Vec
from wordvec.options import Word2VecOptions
from wordvec.progress import Reporter, silent
from wordvec.traininglog import EpochRecord


def train_vectors_validated(
    corpus: EncodedCorpus,
    options: Word2VecOptions,
    validation: Validation,
    reporter: Reporter = silent,
    *,
    original_start: bool = False,
) -> tuple[Trained, list[EpochRecord]]:
    """As models.word2vec.train_vectors, with what was measured after each epoch.

    Sentences held out stay in the counts of the vocabulary.  n_cuts is 0: nobody counts them.
    """
    model = Word2Vec(**dataclasses.asdict(options), reporter=reporter)
    model._take_vocab(corpus.vocab, corpus.n_tokens_read)
    assert model.network is not None
    if original_start:
        rows = model.network.weights.in_rows[:, : options.vector_size]
        sampling.start_rows(rows, options.seed, True)
    outcome = model._run(corpus, (), validation)
    weights = model.network.weights
    vectors = weights.in_rows[:, : options.vector_size]
    return Trained(vectors, weights, outcome, 0), model.validation_records
