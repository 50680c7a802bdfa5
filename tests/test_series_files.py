"""Files of time series: what is read, and what each mistake gets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.deep.series import Scale, SeriesSet
from wordvec.deep.seriesfiles import read_series
from wordvec.errors import FormatError, WordvecError

HEADER = "@problemName small\n@classLabel true a B\n@data\n"


def written(tmp_path, text, name="x.ts"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_ts(tmp_path):
    text = (
        b"# curly \x93quotes\x94\n\n@PROBLEMNAME two words\n@timeStamps false\n@univariate false\n"
        b"\n@dimensions 2\n@classLabel TRUE a B\n@data\n1,2,3:4,?,6:B\n\n7,8:NaN,1e-3:a\n"
    )
    series = read_series(written(tmp_path, text))
    assert series.name == "two words" and series.labels == ["B", "a"] and not series.warnings
    np.testing.assert_array_equal(
        series.values,
        [[[1, 4], [2, np.nan], [3, 6]], [[7, np.nan], [8, 1e-3], [np.nan, np.nan]]],
    )
    assert series.lengths.tolist() == [3, 2]
    assert series.is_valid().tolist() == [[True, False, True], [False, True, False]]


def test_ts_with_times_and_targets(tmp_path):
    text = "@timeStamps true\n@targetLabel true\n@data\n(0,1),(2.5,?):(1,5),(2,6):0.75\n"
    series = read_series(written(tmp_path, text))
    np.testing.assert_array_equal(series.values, [[[1, 5], [np.nan, 6]]])
    assert series.labels == ["0.75"]


def test_ts_without_labels(tmp_path):
    series = read_series(written(tmp_path, "@classLabel false\n@data\n1,2\n3\n"))
    assert series.labels is None and series.lengths.tolist() == [2, 1]


TS_MISTAKES = [
    ("1,2:a\n", "line 1: expected @data before the data, found '1,2:a'"),
    ("@problemName x\n", "expected a line @data, found the end of the file"),
    (HEADER, "expected series, found none"),
    (HEADER + "1,2:a\n1,2:3,4:a\n", "line 5: expected 1 channels as in the line before, found 2"),
    ("@dimensions 3\n" + HEADER + "1:2:a\n", "line 5: expected 3 channels as in @dimensions"),
    (HEADER + "1,x:a\n", "line 4: expected a number, found 'x'"),
    (HEADER + "1,inf:a\n", "line 4: expected finite numbers"),
    (HEADER + "1,2:3:a\n", "line 4: expected 2 in every channel, found 1 values"),
    ("@equalLength true\n@seriesLength 3\n" + HEADER + "1,2:a\n", "line 6: expected 3 in every"),
    ("@timeStamps maybe\n" + HEADER, "line 1: expected true or false after @timeStamps"),
    ("@dimensions two\n" + HEADER, "line 1: expected a whole number after @dimensions"),
    ("@what 2\n" + HEADER, "line 1: expected a header line"),
    ("@timeStamps true\n" + HEADER + "(2,1),(1,1):a\n", "line 5: expected times that rise"),
    ("@timeStamps true\n" + HEADER + "1,2:a\n", r"line 5: expected \(time,value\) pairs"),
]


@pytest.mark.parametrize(("text", "message"), TS_MISTAKES, ids=range(len(TS_MISTAKES)))
def test_mistakes_in_ts(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        read_series(written(tmp_path, text))


def test_what_the_header_says_and_the_data_does_not(tmp_path):
    text = "@univariate true\n" + HEADER + "1:2:a\n1:2:c\n3:4:c\n"
    warnings = read_series(written(tmp_path, text)).warnings
    assert [line.split(": ", 1)[1] for line in warnings] == [
        "line 6: the label 'c' is not in @classLabel", "@univariate true, but 2 channels"
    ]  # fmt: skip


@pytest.mark.parametrize("blank", ["\t", ",", "  "])
def test_tsv(tmp_path, blank):
    lines = [["2.0000000e+00", "1", "NaN", "3"], ["x", "4", "NaN", "NaN"], ["-1", "NaN"]]
    text = "\n".join(blank.join(line) for line in lines)
    series = read_series(written(tmp_path, text, "x.tsv"))
    assert series.labels == ["2", "x", "-1"] and series.lengths.tolist() == [3, 1, 0]
    np.testing.assert_array_equal(series.values[0, :, 0], [1, np.nan, 3])


def test_npz(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    values[1, 4:] = np.nan
    np.savez(tmp_path / "x.npz", series=values, labels=np.array([3, 4]))
    series = read_series(tmp_path / "x.npz")
    assert series.labels == ["3", "4"] and series.lengths.tolist() == [6, 4]
    np.savez(tmp_path / "x.npz", series=values[:, :, None], lengths=[2, 6])
    assert np.isnan(read_series(tmp_path / "x.npz").values[0, 2:]).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": np.zeros(3)}, "expected an array `series`, found data"),
        ({"series": np.zeros(3)}, r"series \[n, steps\]"),
        ({"series": np.array([["x"]])}, r"series \[n, steps\]"),
        ({"series": np.full((1, 2), np.inf)}, "finite"),
        ({"series": np.zeros((2, 3)), "labels": np.zeros(3)}, r"labels \[2\]"),
        ({"series": np.zeros((2, 3)), "lengths": np.array([1, 4])}, "lengths from 0 to 3"),
        ({"series": np.array([[{}]], object)}, "plain arrays"),
    ],
)
def test_mistakes_in_npz(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(WordvecError, match=message):
        read_series(tmp_path / "x.npz")


@given(st.lists(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5), min_size=1, max_size=4))
def test_numbers_come_back(tmp_path_factory, rows):
    text = "@classLabel false\n@data\n" + "\n".join(",".join(map(repr, row)) for row in rows)
    series = read_series(written(tmp_path_factory.getbasetemp(), text))
    for row, values, length in zip(rows, series.values, series.lengths, strict=True):
        assert values[:length, 0].tolist() == row and np.isnan(values[length:]).all()


def test_the_archive(shared_data):
    """aeon's arrays, shapes and labels, but for their case."""
    for path in sorted((shared_data / "series").glob("*.ts")):
        series = read_series(path)
        assert np.isfinite(series.values).all() and not series.warnings
    assert read_series(shared_data / "series" / "BasicMotions_TRAIN.ts").values.shape == (
        40,
        100,
        6,
    )


def test_same_as_aeon(shared_data):
    aeon = pytest.importorskip("aeon.datasets")
    for path in sorted((shared_data / "series").glob("*.ts")):
        values, labels = aeon.load_from_ts_file(str(path))
        ours = read_series(path)
        np.testing.assert_array_equal(ours.values.transpose(0, 2, 1), values)
        assert [label.lower() for label in ours.labels] == labels.tolist()


def test_scale():
    train = SeriesSet.of_arrays([np.array([[1.0, 5], [3, 5]]), np.array([[np.nan, 5.0]])])
    scale = Scale.of(train)
    assert scale.means.tolist() == [2, 5] and scale.deviations.tolist() == [1, 1]
    assert scale.apply(train)[0].tolist() == [[-1, 0], [1, 0]]
    with pytest.raises(FormatError, match="2 channels, as in training, found 1"):
        scale.apply(SeriesSet.of_arrays([np.zeros(3)]))
    with pytest.raises(ValueError, match="series 1 has 1 channels, not 2"):
        SeriesSet.of_arrays([np.zeros((2, 2)), np.zeros(3)])
