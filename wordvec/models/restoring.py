"""Networks from files: parts that Word2Vec and FastText share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError
from wordvec.formats.gensim_model import SavedModel
from wordvec.models.modelstate import ModelState
from wordvec.models.network import Paths, padded_rows, tree_of
from wordvec.vocab import Vocab, pack_words
from wordvec.words import WordList

if TYPE_CHECKING:
    from wordvec.models.onlinemodel import OnlineModel

Arrays = dict[str, NDArray[Any]]
Rows = NDArray[np.float32]

_PATHS = ("path_starts", "path_nodes", "path_codes")
# What has the same name and meaning in gensim's files.
_COUNTERS = ("corpus_count", "corpus_total_words", "train_count", "total_train_time")
_SURFACE = ("max_vocab_size", "max_final_vocab", "sorted_vocab", "null_word", "comment")


def vocab_of(words: Sequence[str], counts: NDArray[np.int64]) -> Vocab:
    """A vocabulary of these words in this order, which owns its arrays."""
    if isinstance(words, WordList):
        n_bytes = int(words.ends[-1]) if len(words) else 0
        starts = np.zeros(len(words) + 1, np.int64)
        starts[1:] = words.ends
        return Vocab(np.array(words.data[:n_bytes]), starts, np.array(counts), has_separator=False)
    packed = pack_words([word.encode("utf-8", "surrogateescape") for word in words])
    return Vocab(*packed, np.array(counts, np.int64), has_separator=False)


def path_arrays(paths: Paths | None) -> Arrays:
    return {} if paths is None else dict(zip(_PATHS, paths, strict=True))


def paths_of(arrays: Arrays) -> Paths | None:
    if _PATHS[0] not in arrays:
        return None
    starts, nodes, codes = (np.array(arrays[name]) for name in _PATHS)
    return starts, nodes, codes


def output_arrays(model: OnlineModel) -> Arrays:
    """The output rows and the tree, for a file."""
    assert model.network is not None
    found: Arrays = path_arrays(model.network.paths)
    if model.network.weights.out_rows is not None:
        found["out_rows"] = model.syn1neg
    if model.network.weights.node_rows is not None:
        found["node_rows"] = model.syn1
    return found


def checked_rows(rows: Any, shape: tuple[int, int], what: str) -> Rows:
    """Rows with padding, a copy.  ValueError when they have another shape or type."""
    if rows is None or rows.shape != shape or rows.dtype.kind != "f":
        found = "none" if rows is None else f"{rows.dtype}{list(rows.shape)}"
        raise ValueError(f"{what}: expected float32{list(shape)}, found {found}")
    return padded_rows(np.asarray(rows, np.float32))


def restore_settings(model: OnlineModel, settings: dict[str, Any]) -> None:
    """Options, counters and the rest, as they were when the model was saved."""
    model.options = model.OPTIONS(**settings["options"])
    model.__dict__.update(settings["surface"])
    model._reset()
    model.__dict__.update(settings["counters"])


def gensim_settings(saved: SavedModel, fields: Any, name: str) -> dict[str, Any]:
    """What `restore_settings` wants, out of a file of gensim's.  FormatError."""
    values = saved.values
    options = {k: v for k, v in values.items() if k in fields}
    for number in ("sg", "hs", "cbow_mean", "window", "negative", "min_count"):
        if number in options:
            options[number] = int(options[number])
    for missing in {"vector_size", "sg", "hs", "negative", "window"} - options.keys():
        raise FormatError(name, None, f"{missing} among the attributes", "none")
    options["alpha"] = max(options.get("alpha", 0.025), options.get("min_alpha", 1e-4))
    counters = {k: values[k] for k in _COUNTERS if values.get(k) is not None}
    counters["effective_min_count"] = options.get("min_count", 5)
    surface = {k: values.get(k, 1 if k == "sorted_vocab" else None) for k in _SURFACE}
    return {"options": options, "surface": surface, "counters": counters}


def gensim_paths(saved: SavedModel) -> Paths:
    """The tree that a file of gensim's holds; that of the counts when it holds none."""
    if saved.codes is None or saved.points is None:
        counts = saved.vectors.counts
        assert counts is not None
        return tree_of(counts, False)
    lengths = [len(codes) for codes in saved.codes]
    if lengths != [len(points) for points in saved.points]:
        raise ValueError("Huffman codes and inner nodes of different lengths")
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts, np.concatenate(saved.points), np.concatenate(saved.codes)


def gensim_outputs(saved: SavedModel, options: Any) -> tuple[Rows | None, Rows | None]:
    """(out_rows, node_rows) with padding."""
    shape = (len(saved.vectors), options.vector_size)
    out_rows = node_rows = None
    if options.negative:
        out_rows = checked_rows(saved.arrays.get("syn1neg"), shape, "syn1neg")
    if options.hs and shape[0] > 1:
        node_rows = checked_rows(saved.arrays.get("syn1"), shape, "syn1")
    return out_rows, node_rows


def restore(model: OnlineModel, parts: ModelState | SavedModel, name: str) -> None:
    """Make an untrained model what a file, `name`, holds.  FormatError."""
    try:
        if isinstance(parts, ModelState):
            restore_settings(model, parts.settings)
            if "network" in parts.settings:
                model.network = model._network_of_state(parts)
        else:
            fields = model.OPTIONS.__dataclass_fields__
            restore_settings(model, gensim_settings(parts, fields, name))
            model.network = model._network_of_gensim(parts) if len(parts.vectors) else None
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        found = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise FormatError(name, None, "the parts of a model", found) from None
    if model.network is not None:
        model._show_words()
