"""The `fasttext` module's names: `import wordvec.fasttext as fasttext`.

    model = fasttext.train_supervised("train.txt", lr=0.5, wordNgrams=2)
    labels, probabilities = model.predict("which baking dish is best ?", k=3)

Differences from the original: NumPy 2 works; models can be copied and pickled; Ctrl-C during
training gives the model so far; predict of a list uses all cores; files are memory-mapped and
checked.
"""

from __future__ import annotations

from typing import Any, NoReturn

from wordvec.fasttext.model import FastText, load_model
from wordvec.fasttext.training import train_supervised, train_unsupervised
from wordvec.models.wordqueries import tokens_of

__all__ = [
    "BOW",
    "EOS",
    "EOW",
    "FastText",
    "cbow",
    "load_model",
    "skipgram",
    "supervised",
    "tokenize",
    "train_supervised",
    "train_unsupervised",
]

EOS = "</s>"
BOW = "<"
EOW = ">"


def tokenize(text: str) -> list[str]:
    """The words of a text; a newline is the word `</s>`."""
    return tokens_of(text)


def cbow(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises: use train_unsupervised(model="cbow")."""
    raise Exception("`cbow` is not supported any more. Please use `train_unsupervised` "
                    "with model=`cbow`.")  # fmt: skip


def skipgram(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises: use train_unsupervised(model="skipgram")."""
    raise Exception("`skipgram` is not supported any more. Please use `train_unsupervised` "
                    "with model=`skipgram`.")  # fmt: skip


def supervised(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises: use train_supervised."""
    raise Exception("`supervised` is not supported any more. Please use `train_supervised`.")
