"""The loss on text that is not trained on."""

from __future__ import annotations

from typing import Any

from wordvec.corpus import EncodedCorpus
from wordvec.kernels import sampling, sgd
from wordvec.models.network import Network

_SHARD = 1 << 14
_KEY = 5


def held_out_loss(corpus: EncodedCorpus, model: sgd.Model, seed: int) -> float | None:
    """Mean loss per example of a trained model, at rate 0, which leaves its weights as they are.

    Which words are left out, windows and noise words depend on the seed alone: two calls differ by
    the weights only.  None for a text without examples.
    """
    tokens = sgd.Tokens(corpus.ids, corpus.starts, len(corpus.vocab))
    worker = sgd.Worker(model, _SHARD)
    key = sampling.key(seed, _KEY, 0)
    for first in range(0, len(corpus.ids), _SHARD):
        last = min(first + _SHARD, len(corpus.ids))
        worker.train(tokens, first, last, key, sampling.key(seed, _KEY, first), 0.0)
    return worker.loss / worker.n_examples if worker.n_examples else None


def kernel_of_network(network: Network, corpus: EncodedCorpus, options: Any) -> sgd.Model:
    """The kernels' view of a network, for `held_out_loss`; it follows changes of the weights."""
    from wordvec.models.word2vec import kernel_model  # whose classes import this module

    rows = None
    inputs = network.inputs
    if inputs is not None and len(inputs.bucket_of_row):
        rows = inputs.starts, inputs.rows
    n_text_tokens = None if inputs is None else network.n_text_tokens
    return kernel_model(corpus, options, network.weights, 0, n_text_tokens, rows, network.paths)
