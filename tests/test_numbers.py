"""The number kernels beside twins in pure Python, bit for bit."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.kernels import numbers

FLOAT_LIMIT = Fraction(2) ** 128


def true_float32(text: str) -> np.float32:
    """The float32 nearest to a decimal number, ties to even, by fractions alone."""
    value = Fraction(text.lower())
    sign, size = (-1 if text.startswith("-") else 1), abs(value)
    exponent = -149  # of the last bit of the smallest floats
    while size >= Fraction(2) ** (exponent + 24):
        exponent += 1
    units = round(size / Fraction(2) ** exponent)  # half to even
    if units * Fraction(2) ** exponent >= FLOAT_LIMIT:
        return np.float32(sign * np.inf)
    return np.float32(np.copysign(np.ldexp(float(units), exponent), sign))


def parse(text: str) -> np.ndarray:
    out = np.empty(len(text.split()), dtype=np.float32)
    assert numbers.parse_numbers(text.encode(), out) == len(out)
    return out


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(np.asarray(a).view(np.uint32), np.asarray(b).view(np.uint32))


def random_floats(n: int, seed: int) -> np.ndarray:
    bits = np.random.default_rng(seed).integers(0, 2**32, n, dtype=np.uint32)
    values = bits.view(np.float32)
    return values[np.isfinite(values)]


def twin_fixed6(row: np.ndarray) -> bytes:
    return b"".join(b"%f " % float(value) for value in row) + b"\n"


def packed_words(words: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(word) for word in words], dtype=np.uint64)
    return np.frombuffer(b"".join(words), dtype=np.uint8), np.cumsum(lengths, dtype=np.uint64)


def format_rows(rows: np.ndarray, style: int = numbers.STYLE_FIXED6_AND_SPACE) -> bytes:
    """The lines of rows whose words are empty, without the space after the word."""
    out = bytearray(1 + len(rows) * (2 + rows.shape[1] * numbers.MAX_NUMBER_BYTES))
    words = packed_words([b""] * len(rows))
    n_bytes = numbers.write_text_rows(*words, 0, rows, out, style)
    return bytes(out[1:n_bytes]).replace(b"\n ", b"\n")


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 33, 300])
def test_fixed6_at_awkward_lengths(n: int) -> None:
    rows = np.random.default_rng(n).normal(0, 3, (3, n)).astype(np.float32)
    assert format_rows(rows) == b"".join(map(twin_fixed6, rows))


def test_fixed6_over_all_exponents() -> None:
    values = random_floats(300_000, seed=1)
    assert len(set((values.view(np.uint32) >> 23 & 255).tolist())) == 255
    assert format_rows(values[None]) == twin_fixed6(values)


def test_fixed6_of_vector_like_values() -> None:
    values = np.random.default_rng(2).normal(0, 0.3, 300_000).astype(np.float32)
    assert format_rows(values[None]) == twin_fixed6(values)


def test_fixed6_rounds_exact_halves_to_even() -> None:
    """k / 2^7 * 10^-6 ... only multiples of 5^6 / 2 end in an exact half of a millionth."""
    halves = (np.arange(1, 4001, 2) / 128).astype(np.float32)  # 7 decimals, the last a 5
    assert format_rows(halves[None]) == twin_fixed6(halves)


def test_fixed6_of_special_values() -> None:
    limits = np.float32(
        [0.0, -0.0, 2**24 - 1, 2**24, 2**24 + 2, 3.4028235e38, -3.4028235e38, 1e-45]
    )
    assert format_rows(limits[None]) == twin_fixed6(limits)
    odd = np.float32([np.inf, -np.inf, np.nan, np.copysign(np.nan, -1)])
    assert format_rows(odd[None]) == b"inf -inf nan -nan \n"


def format_shortest(values: np.ndarray) -> list[bytes]:
    line = format_rows(values[None], numbers.STYLE_SHORTEST)
    assert line[-1:] == b"\n"
    return line[:-1].split(b" ") if len(values) else []


def twin_shortest(value: np.float32) -> bytes:
    """NumPy's str() up to version 2.2; later ones print numbers from 10^6 on with an exponent."""
    if value == 0 or 1e-4 <= abs(float(value)) < 1e16 or not np.isfinite(value):
        return np.format_float_positional(value, unique=True, trim="0").encode()
    return np.format_float_scientific(value, unique=True, trim="-", exp_digits=2).encode()


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 33, 300, 100_000])
def test_shortest_is_numpys(n: int) -> None:
    values = np.random.default_rng(n).normal(0, 0.3, n).astype(np.float32)
    assert format_shortest(values) == [str(value).encode() for value in values]


def test_shortest_over_all_exponents() -> None:
    powers = np.float32(2.0) ** np.arange(-149, 128, dtype=np.float32)
    tens = np.float32([float(f"{m}e{k}") for k in range(-45, 39) for m in (1, 3)])
    odd = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 3.4028235e38, 1.1754942e-38])
    beside = [np.nextafter(x, np.float32(s)) for x in (powers, tens) for s in (0, np.inf)]
    values = np.concatenate([random_floats(50_000, seed=6), powers, tens, odd, *beside])
    assert format_shortest(values) == [twin_shortest(value) for value in values]


def test_parse_of_six_decimals() -> None:
    values = random_floats(4_000, seed=3)
    values = np.concatenate([values[np.abs(values) < 1e9], np.float32([0.0, -0.0])])
    texts = [f"{value:f}" for value in values.tolist()]
    assert same_bits(parse(" ".join(texts)), np.array([true_float32(t) for t in texts]))


@pytest.mark.parametrize("digits", ["%.9g", "%.17g", "%.30g", "%.8e", "%.25f"])
def test_parse_round_trips_all_exponents(digits: str) -> None:
    values = random_floats(10_000, seed=len(digits))
    texts = [digits % value for value in values.tolist()]
    if digits == "%.25f":  # small values lose digits in this form: ask the twin
        texts = [t for t, value in zip(texts, values, strict=True) if 1e-9 < abs(value) < 1e30]
        values = np.array([true_float32(t) for t in texts])
    assert same_bits(parse(" ".join(texts)), values)


def test_parse_near_the_middle_of_two_floats() -> None:
    """Where float(text) rounded again to float32 goes wrong."""
    values = np.abs(random_floats(300, seed=5))
    values = values[values < 3e38]
    upper = np.nextafter(values, np.float32(np.inf))
    middles = [
        (Fraction(float(a)) + Fraction(float(b))) / 2 for a, b in zip(values, upper, strict=True)
    ]
    texts, expected = [], []
    for low, high, middle in zip(values, upper, middles, strict=True):
        places = middle.denominator.bit_length() - 1
        digits = str(middle.numerator * 5**places).rjust(places + 1, "0")
        exact = f"{digits[:-places]}.{digits[-places:]}" if places else digits + "."
        even = low if low.view(np.uint32) % 2 == 0 else high
        texts += [exact, exact + "1", exact + "0" * 40]
        expected += [even, high, even]
    assert same_bits(parse(" ".join(texts)), np.array(expected))
    twice_rounded = np.array([np.float32(float(t)) for t in texts])
    assert not same_bits(twice_rounded, np.array(expected)), "the test shows nothing"


AWKWARD = """0 -0 +1 .5 5. 0.1 1e-45 7e-46 7.1e-46 1e-46 1e400 -1e400 1e-400 3.4028235e38
    3.4028236e38 3.40282357e38 340282346638528859811704183484516925440
    340282356779733661637539395458142568448
    16777216 16777217 16777219 0.000000 00000000000000000000001.5 1.17549435e-38 1.1754942e-38
    123456789012345678901234567890 0.123456789012345678901234567890 9999999999999999999 1E5 1e+05
    18446744073709551615 18446744073709551616 99999999999999999999e-20 1e65 1e-65 1e64 1e-64
    00000000000000000000000000000000000000000000000000000000000000000000000001e0 1e00000000000001
    0.00000000000000000000000000000000000000000000000000000000000000000000001e71 12345678 123456781
    1.2345678 1.23456781 .00000001 .000000001 1e-0 0e999999999999999999999 5e-324""".split()  # noqa: SIM905


@pytest.mark.parametrize("text", AWKWARD)
def test_parse_of_awkward_forms(text: str) -> None:
    if "99999999999999999" in text.partition("e")[2]:
        expected = np.float32(0)  # too much for the twin
    else:
        expected = true_float32(text)
    assert same_bits(parse(text), np.array([expected]))
    assert same_bits(np.float32([numbers.round_exactly(text.encode())]), np.array([expected]))


def test_parse_of_absurd_lengths() -> None:
    assert parse("0." + "3" * 100_000)[0] == np.float32(1 / 3)
    assert parse("1" + "0" * 100_000)[0] == np.inf
    assert parse("1" + "0" * 5_000 + "e-5000")[0] == 1
    assert parse("16777217." + "0" * 20_000 + "1")[0] == 16777218
    assert parse("1e" + "9" * 1000)[0] == np.inf
    assert parse("-1e-" + "9" * 1000).view(np.uint32)[0] == 0x80000000


@given(
    st.from_regex(
        r"[-+]?([0-9]{1,24}\.?[0-9]{0,24}|\.[0-9]{1,24})(e[-+]?[0-9]{1,2})?", fullmatch=True
    )
)
def test_parse_of_any_decimal(text: str) -> None:
    assert same_bits(parse(text), np.array([true_float32(text)]))


def test_parse_of_names() -> None:
    values = parse("inf -inf Infinity -INFINITY nan -nan NaN +inf")
    infinite = np.float32([np.inf, -np.inf, np.inf, -np.inf])
    assert np.array_equal(values[:4], infinite) and values[7] == np.inf
    assert np.isnan(values[4:7]).all() and np.signbit(values[5])


@pytest.mark.parametrize(
    ("text", "byte"),
    [("x", 0), ("1 2x", 3), ("1,5", 1), ("1.5.2", 3), ("--1", 1), (".", 1), ("-", 1), ("1e", 2),
     ("1e+", 3), ("0x10", 1), ("1_000", 1), ("infin", 0), ("nan(1)", 0), ("1\x002", 1),
     ("12345678x", 8), ("1.é", 2), ("e5", 0)],
)  # fmt: skip
def test_parse_tells_the_byte_that_is_wrong(text: str, byte: int) -> None:
    with pytest.raises(ValueError, match=f"^byte {byte}: not a number"):
        numbers.parse_numbers(text.encode(), np.empty(4, dtype=np.float32))


def test_parse_counts() -> None:
    out = np.empty(2, dtype=np.float32)
    assert numbers.parse_numbers(b"", out) == 0
    assert numbers.parse_numbers(b" 1\t", out) == 1
    assert numbers.parse_numbers(b"1 2 ", out) == 2
    with pytest.raises(ValueError, match="more than 2 numbers"):
        numbers.parse_numbers(b"1 2 3", out)


def test_locale_does_not_matter() -> None:
    import locale

    for name in ("de_DE.UTF-8", "fr_FR.UTF-8"):
        try:
            locale.setlocale(locale.LC_NUMERIC, name)
            break
        except locale.Error:
            continue
    else:
        pytest.skip("no locale with a decimal comma is installed")
    try:
        assert parse("0.5 1e-45 16777217.0")[0] == 0.5
        assert format_rows(np.float32([[0.5, 1e30]])).startswith(b"0.500000 ")
    finally:
        locale.setlocale(locale.LC_NUMERIC, "C")


def test_doors_check_their_buffers() -> None:
    rows = np.zeros((2, 3), dtype=np.float32)
    ends = np.zeros(2, dtype=np.uint64)
    words = packed_words([b"a", b"b", b"c"])
    with pytest.raises(ValueError, match="words 2 to 4 of 3"):
        numbers.write_text_rows(*words, 2, rows, bytearray(1000), 0)
    with pytest.raises(ValueError, match="offsets of word 1 make no sense"):
        numbers.write_text_rows(words[0], words[1][[2, 0, 1]], 0, rows, bytearray(1000), 0)
    with pytest.raises(ValueError, match="offsets of word 2 make no sense"):
        numbers.find_unwritable(words[0][:2], words[1], 0, 3)
    with pytest.raises(ValueError, match="may be needed"):
        numbers.write_text_rows(*words, 0, rows, bytearray(10), 0)
    with pytest.raises(ValueError, match="no style 4"):
        numbers.write_text_rows(*words, 0, rows, bytearray(1000), 4)
    with pytest.raises(ValueError, match="may be needed"):
        numbers.write_binary_rows(*words, 0, rows, bytearray(10))
    with pytest.raises(ValueError, match="side by side"):
        numbers.write_binary_rows(*words, 0, rows.T[:2], bytearray(1000))
    with pytest.raises(ValueError, match="padding"):
        numbers.read_text_rows(bytearray(b"a 1\n"), 0, 4, rows, bytearray(9), ends)
    with pytest.raises(ValueError, match="words must have"):
        numbers.read_binary_rows(bytearray(200), 0, 40, rows, bytearray(9), ends)
    with pytest.raises(ValueError, match="room for 1 of 2"):
        numbers.read_binary_rows(bytearray(200), 0, 40, rows, bytearray(40), ends[:1])
    with pytest.raises(ValueError, match="end with a newline"):
        numbers.read_text_rows(bytearray(b"a 1" + bytes(99)), 0, 3, rows, bytearray(9), ends)


def read_lines(text: bytes, dim: int, spaces: bool = False) -> tuple[list[bytes], np.ndarray]:
    """Lines through read_text_rows, as `parse` reads the numbers one by one."""
    n_lines, start = text.count(b"\n"), 40
    rows = np.zeros((n_lines, dim), dtype=np.float32)
    ends, words = np.empty(n_lines, dtype=np.uint64), bytearray(len(text) + 1)
    buffer = bytearray(start) + text + bytes(numbers.PADDING)
    stop = start + len(text)
    assert numbers.count_lines(buffer, start, stop, 10**9) == (n_lines, stop)
    found = numbers.read_text_rows(buffer, start, stop, rows, words, ends, spaces)
    assert found == (n_lines, int(ends[-1]), stop, numbers.NO_PROBLEM), found
    edges = [0, *ends.tolist()]
    return [bytes(words[a:b]) for a, b in itertools.pairwise(edges)], rows


@pytest.mark.parametrize("n", [1, 7, 8, 9, 15, 16, 17, 33, 300])
@pytest.mark.parametrize("digits", ["%f", "%.8f", "%.9g", "%.5g", "%.2f", "%.0f", "%.17g", "%e"])
def test_lines_at_every_level(level: str, n: int, digits: str) -> None:
    """Every instruction set beside the correctly rounded numbers."""
    values = np.random.default_rng(n).normal(0, 2, (20, n))
    lines = [" ".join(digits % value for value in row) for row in values]
    content = "".join(f"w{k} {line}\n" for k, line in enumerate(lines)).encode()
    words, rows = read_lines(content, n)
    assert words == [b"w%d" % k for k in range(20)]
    # round_exactly is compared with fractions above
    expected = [numbers.round_exactly(t.encode()) for line in lines for t in line.split()]
    assert same_bits(rows.ravel(), np.float32(expected))


def test_awkward_numbers_at_every_level(level: str) -> None:
    rng = np.random.default_rng(3)
    texts = [*AWKWARD, "0.000000", "-0.0", "-1", "12345678.12345678", "1234567.12345678"] * 20
    texts = [text for text in texts if "99999999999999999" not in text.partition("e")[2]]
    twins = {text: true_float32(text) for text in set(texts)}
    for dim in (1, 5, 8, 13):
        rng.shuffle(texts)
        lines = [texts[k : k + dim] for k in range(0, len(texts) - dim, dim)]
        gaps = [" ", "  ", " \t", "\t"]
        content = "".join(
            f"w{k} " + gaps[k % 4].join(line) + ["", " ", "\r", " \r"][k // 4 % 4] + "\n"
            for k, line in enumerate(lines)
        )
        _, rows = read_lines(content.encode(), dim)
        assert same_bits(rows, np.array([[twins[text] for text in line] for line in lines]))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=40), st.integers(0, 8))
def test_any_floats_at_every_level(patterns: list[int], n_decimals: int) -> None:
    from wordvec.kernels import simd

    values = np.array(patterns, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values)]
    texts = [f"{value:.{n_decimals}e}" for value in values.tolist()]
    texts += [f"{value:.{n_decimals}f}" for value in values.tolist() if abs(value) < 1e12]
    if not texts:
        return
    expected = np.float32([numbers.round_exactly(text.encode()) for text in texts])
    before = simd.active()
    try:
        for name in simd.available():
            simd.use(name)
            _, rows = read_lines(f"w {' '.join(texts)}\n".encode(), len(texts))
            assert same_bits(rows[0], expected)
    finally:
        simd.use(before)


def test_damaged_lines_at_every_level(level: str) -> None:
    good = b"1.5 " * 15
    for bad, problem in [(b"x1.5", numbers.NOT_A_NUMBER), (b"1.5.5", numbers.NOT_A_NUMBER),
                         (b"-", numbers.NOT_A_NUMBER), (b".", numbers.NOT_A_NUMBER),
                         (b"1\x015", numbers.NOT_A_NUMBER), (b"1\0", numbers.NOT_A_NUMBER),
                         (b"1 2", numbers.TOO_MANY_NUMBERS), (b"", numbers.TOO_FEW_NUMBERS),
                         (b"-.", numbers.NOT_A_NUMBER),
                         (b"\xa01", numbers.NOT_A_NUMBER)]:  # fmt: skip
        for place in (0, 20, 60):
            line = b"w " + good[:place] + bad + b" " + good[place:] + b"\n"
            text = b"first " + good + b"1\n" + line
            buffer = bytearray(40) + text + bytes(numbers.PADDING)
            rows, ends = np.zeros((2, 16), dtype=np.float32), np.empty(2, dtype=np.uint64)
            n, _, position, found = numbers.read_text_rows(
                buffer, 40, 40 + len(text), rows, bytearray(999), ends
            )
            assert (n, found) == (1, problem) and 40 < position < 40 + len(text)


def test_words_with_spaces(level: str) -> None:
    numbers_of = " ".join(f"{k}.5" for k in range(9))
    words = ["a", ". . .", "1 2 3", "", " b", "a  b\tc"]
    found, rows = read_lines("".join(f"{w} {numbers_of}\n" for w in words).encode(), 9, True)
    assert found == [word.encode() for word in words]
    assert (rows == np.arange(9) + 0.5).all()


def twin_general5(values: np.ndarray) -> bytes:
    return b"".join(b"%.5g " % float(value) for value in values) + b"\n"


def test_general5_is_printfs() -> None:
    halves = (np.arange(1, 40001, 2) / 16).astype(np.float32)  # ties
    tens = np.float32([float(f"{m}e{k}") for k in range(-45, 38) for m in (1, 9.9999, 9.99996)])
    beside = [np.nextafter(tens, np.float32(s)) for s in (0, np.inf)]
    odd = np.float32([0.0, -0.0, np.inf, -np.inf, 3.4028235e38, 1e-45, 99999.5, 100000, 0.0001])
    normal = np.random.default_rng(2).normal(0, 0.3, 100_000).astype(np.float32)
    values = np.concatenate([random_floats(100_000, 8), halves, tens, *beside, odd, normal])
    found = format_rows(values[None], numbers.STYLE_GENERAL5_AND_SPACE)
    assert found == twin_general5(values)
    names = format_rows(np.float32([[np.nan]]), numbers.STYLE_GENERAL5_AND_SPACE)
    assert names == b"nan \n"
