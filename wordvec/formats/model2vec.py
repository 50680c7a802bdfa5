"""model2vec's layout: a folder with model.safetensors, tokenizer.json and config.json.

Read: the folder, or its safetensors file, or sentence-transformers' static embeddings (tensor
embedding.weight, perhaps in 0_StaticEmbedding).  The words are the tokenizer's, in the order of
their ids; a word's vector is embeddings[mapping[id]] * weights[id], where those two exist.

Written: a tokenizer that splits at white space and knows whole words.  It needs a token for
unknown words: a row of zeros, [UNK], is added behind the others unless that word is there, and
named in config.json so that reading leaves it out again.  Counts are not written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wordvec.errors import FormatError, OptionError
from wordvec.formats import own
from wordvec.formats.request import ReadRequest
from wordvec.formats.selection import (
    chosen_rows,
    decoded_words,
    select_vectors,
    words_at,
)
from wordvec.formats.tensors import (
    FileMap,
    byte_blocks,
    dtype_name,
    header_bytes,
    is_safetensors,
    map_file,
    open_regular,
)
from wordvec.vectors import Vectors
from wordvec.words import WordList

NAME = "model2vec"
SUFFIXES = (".model2vec",)
NEEDS_FILE = True
WRITES_FILES = True
IS_FOLDER = True

_MATRIX_NAMES = ("embeddings", "embedding.weight")
_FOLDERS = ("", "0_StaticEmbedding")
_UNKNOWN = "[UNK]"
_OURS = "wordvec_added_tokens"
_STEP_BYTES = 4 << 20
_STEP_WORDS = 1 << 14


def sniff(head: bytes) -> bool:
    """Any safetensors file; `open_file` tells which."""
    return is_safetensors(head)


def takes_folder(path: str) -> bool:
    """Whether a folder is laid out so."""
    return any(os.path.isfile(os.path.join(path, f, "model.safetensors")) for f in _FOLDERS)


# -- reading ------------------------------------------------------------------------------------


def open_file(path: str, request: ReadRequest) -> Vectors:
    """Read a folder, or a safetensors file with its tokenizer.json beside.

    Float32 (or float16, as wanted) embeddings without mapping and weights stay in the file.  A
    file in our own format is read as such.  FormatError that names the tensors of any other.
    """
    if os.path.isdir(path):
        folders = [os.path.join(path, f) if f else path for f in _FOLDERS]
        found = [f for f in folders if os.path.isfile(os.path.join(f, "model.safetensors"))]
        if not found:
            raise FormatError(path, None, "a folder with model.safetensors", "none")
        path = os.path.join(found[0], "model.safetensors")
    mapped = map_file(path, "a safetensors file")
    if own.is_own(mapped.header):
        return own.read_mapped(mapped, request)
    if request.verify:
        raise OptionError("verify", f"a file in the format {own.NAME!r}, with checksums", path)
    name = next((name for name in _MATRIX_NAMES if name in mapped.header.tensors), None)
    tensor = None if name is None else mapped.header.tensors[name]
    if tensor is None or len(tensor.shape) != 2 or tensor.dtype not in ("F16", "F32", "F64", "I8"):
        found_names = ", ".join(map(str, mapped.header.tensors.values()))[:300] or "no tensors"
        expected = "a tensor embeddings of floats [n, dim], or a file in wordvec's own format"
        raise FormatError(path, 8, expected, found_names)
    tokenizer = os.path.join(os.path.dirname(path), "tokenizer.json")
    if not os.path.isfile(tokenizer):
        raise FormatError(path, None, "tokenizer.json beside it, with the words", "no such file")
    tokens = _tokens(tokenizer)
    words = WordList.of(tokens)
    matrix = _word_rows(mapped, mapped.array(tensor), len(words))
    n_words = len(words) - _n_added(path, tokens)
    words, matrix = words_at(words, slice(0, n_words)), matrix[:n_words]
    words = decoded_words(words, request)
    return select_vectors(words, matrix, chosen_rows(words, request), request, path)


def _read_json(path: str) -> Any:
    stream, n_bytes = open_regular(path, "a JSON file")
    with stream:
        text = b"".join(iter(lambda: stream.read(_STEP_BYTES), b""))
    try:
        return json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(path, error.start, "JSON in UTF-8", "other bytes") from None
    except json.JSONDecodeError as error:
        offset = len(error.doc[: error.pos].encode("utf-8"))
        raise FormatError(path, offset, f"JSON of {n_bytes} bytes", error.msg) from None
    except (RecursionError, ValueError) as error:
        raise FormatError(path, 0, "JSON", str(error).splitlines()[0][:80]) from None


def _tokens(path: str) -> list[str]:
    """The tokens of a tokenizer.json in the order of their ids, which must be 0 to n - 1."""
    found = _read_json(path)
    model = found.get("model") if isinstance(found, dict) else None
    vocab = model.get("vocab") if isinstance(model, dict) else None
    ids: dict[int, str] = {}
    if isinstance(vocab, list):  # Unigram: [token, score]
        for number, entry in enumerate(vocab):
            if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
                raise FormatError(path, None, "pairs of token and score", repr(entry)[:60])
            ids[number] = entry[0]
    elif isinstance(vocab, dict):
        for token, number in vocab.items():
            _add_token(ids, token, number, path)
    else:
        raise FormatError(path, None, "a vocabulary in model.vocab", type(vocab).__name__)
    added = found.get("added_tokens") or []
    for entry in added if isinstance(added, list) else []:
        if isinstance(entry, dict):
            token, place = entry.get("content"), entry.get("id")
            if not isinstance(place, int) or ids.get(place) != token:
                _add_token(ids, token, place, path)
    if len(ids) and max(ids) != len(ids) - 1:
        missing = next(number for number in range(len(ids)) if number not in ids)
        raise FormatError(path, None, f"a token with id {missing}", f"ids up to {max(ids)}")
    return [ids[number] for number in range(len(ids))]


def _add_token(ids: dict[int, str], token: Any, number: Any, path: str) -> None:
    if not isinstance(token, str) or type(number) is not int or number < 0:
        raise FormatError(path, None, "tokens with an id each", f"{token!r:.40}: {number!r:.20}")
    if number in ids:
        found = f"{ids[number]!r:.40} and {token!r:.40}"
        raise FormatError(path, None, f"one token with id {number}", found)
    ids[number] = token


def _word_rows(mapped: FileMap, embeddings: NDArray[Any], n_words: int) -> NDArray[Any]:
    """One row for each token id: the embeddings themselves, or picked and weighted."""
    path, tensors = mapped.path, mapped.header.tensors
    rows = embeddings.astype(np.float32) if embeddings.dtype == np.int8 else embeddings
    if "mapping" in tensors:
        mapping = mapped.array(tensors["mapping"])
        fits = mapping.dtype.kind in "iu" and mapping.shape == (n_words,)
        if not fits or (n_words and not 0 <= mapping.min() <= mapping.max() < len(rows)):
            expected = f"a mapping of {n_words} tokens to rows 0 to {len(rows) - 1}"
            raise FormatError(path, tensors["mapping"].start, expected, str(tensors["mapping"]))
        rows = rows[mapping.astype(np.int64)]
    if len(rows) != n_words:
        expected = f"{n_words} rows, as tokenizer.json has tokens"
        raise FormatError(path, None, expected, f"{len(rows)} rows")
    if "weights" in tensors:
        weights = mapped.array(tensors["weights"])
        if weights.dtype.kind != "f" or weights.shape != (n_words,):
            expected = f"weights of {n_words} tokens"
            raise FormatError(path, tensors["weights"].start, expected, str(tensors["weights"]))
        rows = (rows * weights[:, np.newaxis]).astype(rows.dtype, copy=False)
    return rows


def _n_added(path: str, tokens: list[str]) -> int:
    """How many of the last tokens were added by `write_files`."""
    config = os.path.join(os.path.dirname(path), "config.json")
    if not os.path.isfile(config):
        return 0
    found = _read_json(config)
    added = found.get(_OURS) if isinstance(found, dict) else None
    return 1 if added == [_UNKNOWN] and tokens[-1:] == [_UNKNOWN] else 0


# -- writing ------------------------------------------------------------------------------------


def output_names(path: str) -> list[str]:
    """The files in the folder `path` that `write_files` fills."""
    return [os.path.join(path, f) for f in ("model.safetensors", "tokenizer.json", "config.json")]


def write_files(streams: list[BinaryIO], vectors: Vectors, path: str) -> None:
    """Write model, tokenizer and config.  FormatError for words that occur twice or are not
    UTF-8, which a tokenizer cannot have."""
    words = vectors.words
    unknown = words.find(_UNKNOWN)
    n_added = 1 if unknown < 0 else 0
    for piece in _tokenizer_pieces(words, n_added, path):
        streams[1].write(piece)
    config: dict[str, Any] = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": vectors.dim,
        "normalize": False,
        "embedding_dtype": vectors.matrix.dtype.name,
    }
    if n_added:
        config[_OURS] = [_UNKNOWN]
    if vectors.metadata:
        config["wordvec"] = vectors.metadata
    streams[2].write(json.dumps(config, indent=2, default=str).encode("ascii") + b"\n")
    _write_model(streams[0], vectors.matrix, n_added)


def _tokenizer_pieces(words: WordList, n_added: int, path: str) -> Iterator[bytes]:
    yield (
        b'{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,'
        b'"pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":null,"decoder":null,'
        b'"model":{"type":"WordLevel","vocab":{'
    )
    first_rows = words.first_rows()
    comma = ""
    for first in range(0, len(words), _STEP_WORDS):
        lines = []
        for row, word in enumerate(words[first : first + _STEP_WORDS], first):
            if first_rows[row] != row:
                found = f"{word!r:.60} at {first_rows[row]} and {row}"
                raise FormatError(path, None, "every word once", found, "keep one of them")
            lines.append(f"{comma}{json.dumps(word, ensure_ascii=False)}:{row}")
            comma = ","
        try:
            yield "".join(lines).encode("utf-8")
        except UnicodeEncodeError:
            bad = next(w for w in words[first : first + _STEP_WORDS] if not _is_utf8(w))
            raise FormatError(path, None, "words in UTF-8", f"{bad!r:.60}", "rename it") from None
    if n_added:
        yield f'{comma}"{_UNKNOWN}":{len(words)}'.encode("ascii")
    yield f'}},"unk_token":"{_UNKNOWN}"}}}}\n'.encode("ascii")


def _is_utf8(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _write_model(stream: BinaryIO, matrix: NDArray[Any], n_added: int) -> None:
    n_rows, dim = matrix.shape
    kind = dtype_name(matrix.dtype)
    assert kind is not None  # Vectors has float32 or float16
    n_row_bytes = dim * matrix.itemsize
    shape = (n_rows + n_added, dim)
    entries = {"embeddings": (kind, shape, shape[0] * n_row_bytes)}
    stream.write(header_bytes(entries, {"format": "np"}, 64))
    for block in byte_blocks(matrix):
        stream.write(block)
    stream.write(bytes(n_added * n_row_bytes))
