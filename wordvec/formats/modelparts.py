"""What a file of a whole model has more than one of its vectors; see models/modelstate.py."""

from __future__ import annotations

from wordvec.vectors import Vectors

MODEL_PREFIX = "model."  # of the names of its tensors
MODEL_ENTRY = "model"  # among its metadata


def without_model(vectors: Vectors) -> None:
    """Leave vectors that came from a model's file as vectors alone.

    A file written from them would else claim to hold a model, though they may have changed.
    """
    vectors.metadata = {k: v for k, v in vectors.metadata.items() if k != MODEL_ENTRY}
    vectors.tensors = {k: v for k, v in vectors.tensors.items() if not k.startswith(MODEL_PREFIX)}
