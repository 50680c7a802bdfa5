"""What the tests of reading a corpus share; found by the path that conftest.py sets."""

from itertools import pairwise

import numpy as np

from wordvec.corpus import EncodedCorpus

TEXT = b"the cat sat on the mat\nthe dog sat on the log\n" * 50


def sentences_of(corpus: EncodedCorpus) -> list[list[bytes]]:
    words = [corpus.vocab.word_bytes(row) for row in range(len(corpus.vocab))]
    return [[words[id] for id in corpus.ids[a:b]] for a, b in pairwise(corpus.starts)]


def same(a: EncodedCorpus, b: EncodedCorpus) -> bool:
    return (
        a.vocab == b.vocab
        and np.array_equal(a.ids, b.ids)
        and np.array_equal(a.starts, b.starts)
        and (a.n_tokens_read, a.n_tokens_kept) == (b.n_tokens_read, b.n_tokens_kept)
        and a.fingerprint == b.fingerprint
    )
