"""Parquet and Arrow files, where pyarrow is installed; and what is said where it is not."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from awkward import WORDS, any_words, assert_same, bits, vectors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec.errors import FormatError, OptionError
from wordvec.formats import columns, load, save
from wordvec.vectors import Vectors

REUSED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ["v.parquet", "v.arrow", "v.feather"]


@pytest.fixture
def arrow() -> Any:
    return pytest.importorskip("pyarrow", reason="needs `pip install 'wordvec[arrow]'`")


def write_table(arrow: Any, path: Path, table: Any) -> None:
    if path.suffix == ".parquet":
        import pyarrow.parquet as parquet

        parquet.write_table(table, path)
        return
    with arrow.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


@given(any_words, st.integers(1, 17), st.booleans(), st.sampled_from(NAMES[:2]), st.booleans())
@REUSED_FOLDER
def test_round_trip(
    arrow: Any, tmp_path: Path, words: list[str], dim: int, counts: bool, name: str, half: bool
) -> None:
    dtype = "float16" if half else "float32"
    vectors = vectors_of(words or ["a"], dim, counts=counts, dtype=dtype)
    vectors.metadata = {"corpus": "é"}
    save(vectors, tmp_path / name)
    found = load(tmp_path / name, dtype=dtype)
    assert_same(found, vectors)
    assert found.metadata == vectors.metadata


@pytest.mark.parametrize("name", NAMES)
def test_awkward_words_and_options(
    arrow: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_STEP_BYTES", 4 * 7 * 5)  # batches of five rows
    vectors = vectors_of(WORDS, counts=True)
    save(vectors, tmp_path / name)
    assert_same(load(tmp_path / name), vectors)
    assert list(load(tmp_path / name, limit=7).words) == WORDS[:7]
    assert len(load(tmp_path / name, limit=0)) == 0
    chosen = load(tmp_path / name, words=["the", "🙂"])
    assert list(chosen.words) == ["the", "🙂", "the"]
    assert bits(chosen.matrix) == bits(vectors.matrix[[1, 7, 11]])
    assert chosen.counts.tolist() == vectors.counts[[1, 7, 11]].tolist()
    assert load(tmp_path / name, dtype="float16").matrix.dtype == np.float16
    save(vectors_of([]), tmp_path / name)
    assert len(load(tmp_path / name)) == 0


@pytest.mark.parametrize("name", NAMES[:2])
def test_tables_of_others(arrow: Any, tmp_path: Path, name: str) -> None:
    words = arrow.array(["a", "b", "c"])
    rows = [[1.0, 2], [3, 4], [5, 6]]
    doubles, pairs = arrow.list_(arrow.float64()), arrow.list_(arrow.float32(), 2)
    tables = [
        {"id": [1, 2, 3], "token": words, "embedding": arrow.array(rows, doubles)},
        {"w": words.dictionary_encode(), "v": arrow.array(rows, arrow.large_list(arrow.float32()))},
        {"w": arrow.array([b"a", b"b", b"c"]), "d0": [1.0, 3, 5], "d1": [2.0, 4, 6]},
        {"w": words.cast(arrow.large_string()), "v": arrow.array(rows, pairs)},
    ]  # fmt: skip
    for columns_of_table in tables:
        write_table(arrow, tmp_path / name, arrow.table(columns_of_table))
        found = load(tmp_path / name)
        assert list(found.words) == ["a", "b", "c"] and found.matrix.tolist() == rows


@pytest.mark.parametrize("name", NAMES[:2])
def test_tables_that_do_not_fit(arrow: Any, tmp_path: Path, name: str) -> None:
    floats = arrow.list_(arrow.float32())
    tables: list[tuple[dict[str, Any], str]] = [
        ({"a": [1]}, "the columns a int64"),
        ({"a": ["x"], "b": [1]}, "the columns a string, b int64"),
        ({"a": [["x"]], "b": [1.0]}, "a column of words"),
        ({"w": ["a", None], "v": [1.0, 2.0]}, "null"),
        ({"w": ["a", "b"], "v": [1.0, None]}, "null"),
        ({"w": ["a", "b"], "v": arrow.array([[1.0], None], floats)}, "null"),
        ({"w": ["a", "b"], "v": arrow.array([[1.0], [None]], floats)}, "null"),
        ({"w": ["a", "b"], "v": arrow.array([[1.0], [1, 2]], floats)}, "numbers a row"),
        ({"w": ["a"], "v": arrow.array([[]], floats)}, "1 numbers a row, found 0"),
        ({"w": ["a"], "v": [1e300]}, "in the row of 'a'"),
    ]
    for table, message in tables:
        write_table(arrow, tmp_path / name, arrow.table(table))
        with pytest.raises(FormatError, match=message):
            load(tmp_path / name)
    odd = arrow.table({"w": ["a"], "v": [1.0]}).replace_schema_metadata({"wordvec.metadata": "["})
    write_table(arrow, tmp_path / name, odd)
    with pytest.raises(FormatError, match="JSON object"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", NAMES[:2])
def test_damage(arrow: Any, tmp_path: Path, name: str) -> None:
    vectors = vectors_of(["a", "b"], 3)
    save(vectors, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for length in [*range(8, len(data), 7), len(data) - 1]:
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="folder"):
        load(tmp_path, format=name[2:])


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "v.parquet").write_bytes(b"PAR1")
    for ask in (
        lambda: load(tmp_path / "v.parquet"),
        lambda: save(Vectors(["a"], np.ones((1, 2), np.float32)), tmp_path / "new.arrow"),
    ):
        with pytest.raises(OptionError, match=r"wordvec\[arrow\]"):
            ask()
    assert not (tmp_path / "new.arrow").exists()
