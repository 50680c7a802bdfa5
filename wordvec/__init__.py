"""wordvec: word vectors from your own text."""

__version__ = "0.1.0"
