"""wordvec: word vectors from your own text."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wordvec.errors import (
    CorpusError,
    FormatError,
    MissingExtraError,
    OptionError,
    OutputError,
    TrainingError,
    WordvecError,
)

if TYPE_CHECKING:
    from wordvec.corpus import TokenRules, read_corpus
    from wordvec.edgefiles import read_graph
    from wordvec.formats import load, save
    from wordvec.graph import Graph
    from wordvec.jobplan import plan
    from wordvec.keyedvectors import KeyedVectors
    from wordvec.models.checkpoints import Checkpoints
    from wordvec.models.facebook import (
        load_facebook_model,
        load_facebook_vectors,
        save_facebook_model,
    )
    from wordvec.models.fasttext import FastText
    from wordvec.models.glovemodel import GloVe
    from wordvec.models.node2vec import Node2Vec, deepwalk, line, node2vec
    from wordvec.models.phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
    from wordvec.models.validating import Validation
    from wordvec.models.word2vec import Word2Vec
    from wordvec.subwords import NgramRules, Subwords
    from wordvec.training import train
    from wordvec.vectors import Vectors
    from wordvec.vocab import Vocab

__version__ = "0.1.0"

# Loaded when first asked for, so that `wordvec --help` need not wait for NumPy.
_PLACES = {
    "ENGLISH_CONNECTOR_WORDS": "wordvec.models.phrases",
    "Checkpoints": "wordvec.models.checkpoints",
    "FastText": "wordvec.models.fasttext",
    "FrozenPhrases": "wordvec.models.phrases",
    "GloVe": "wordvec.models.glovemodel",
    "Graph": "wordvec.graph",
    "KeyedVectors": "wordvec.keyedvectors",
    "NgramRules": "wordvec.subwords",
    "Node2Vec": "wordvec.models.node2vec",
    "Phrases": "wordvec.models.phrases",
    "Subwords": "wordvec.subwords",
    "TokenRules": "wordvec.corpus",
    "Validation": "wordvec.models.validating",
    "Vectors": "wordvec.vectors",
    "Vocab": "wordvec.vocab",
    "Word2Vec": "wordvec.models.word2vec",
    "deepwalk": "wordvec.models.node2vec",
    "line": "wordvec.models.node2vec",
    "load": "wordvec.formats",
    "load_facebook_model": "wordvec.models.facebook",
    "load_facebook_vectors": "wordvec.models.facebook",
    "plan": "wordvec.jobplan",
    "node2vec": "wordvec.models.node2vec",
    "read_corpus": "wordvec.corpus",
    "read_graph": "wordvec.edgefiles",
    "save": "wordvec.formats",
    "save_facebook_model": "wordvec.models.facebook",
    "train": "wordvec.training",
}

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "Checkpoints",
    "CorpusError",
    "FastText",
    "FormatError",
    "FrozenPhrases",
    "GloVe",
    "Graph",
    "KeyedVectors",
    "MissingExtraError",
    "NgramRules",
    "Node2Vec",
    "OptionError",
    "OutputError",
    "Phrases",
    "Subwords",
    "TokenRules",
    "TrainingError",
    "Validation",
    "Vectors",
    "Vocab",
    "Word2Vec",
    "WordvecError",
    "__version__",
    "deepwalk",
    "line",
    "load",
    "load_facebook_model",
    "load_facebook_vectors",
    "node2vec",
    "plan",
    "read_corpus",
    "read_graph",
    "save",
    "save_facebook_model",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'wordvec' has no attribute {name!r}")
