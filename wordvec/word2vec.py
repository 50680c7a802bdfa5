"""gensim's names of its module `gensim.models.word2vec`."""

from wordvec.callbacks import CallbackAny2Vec
from wordvec.keyedvectors import KeyedVectors
from wordvec.linesentences import (
    MAX_WORDS_IN_BATCH,
    BrownCorpus,
    LineSentence,
    PathLineSentences,
    Text8Corpus,
)
from wordvec.models.word2vec import Word2Vec
from wordvec.wordchoice import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP

__all__ = [
    "MAX_WORDS_IN_BATCH",
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "BrownCorpus",
    "CallbackAny2Vec",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Text8Corpus",
    "Word2Vec",
]
