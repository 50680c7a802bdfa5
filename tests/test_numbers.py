"""The number kernels beside twins in pure Python, bit for bit."""

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


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 33, 300])
def test_fixed6_at_awkward_lengths(n: int) -> None:
    rows = np.random.default_rng(n).normal(0, 3, (3, n)).astype(np.float32)
    assert numbers.format_fixed6(rows) == b"".join(map(twin_fixed6, rows))


def test_fixed6_over_all_exponents() -> None:
    values = random_floats(300_000, seed=1)
    assert len(set((values.view(np.uint32) >> 23 & 255).tolist())) == 255
    assert numbers.format_fixed6(values[None]) == twin_fixed6(values)


def test_fixed6_of_vector_like_values() -> None:
    values = np.random.default_rng(2).normal(0, 0.3, 300_000).astype(np.float32)
    assert numbers.format_fixed6(values[None]) == twin_fixed6(values)


def test_fixed6_rounds_exact_halves_to_even() -> None:
    """k / 2^7 * 10^-6 ... only multiples of 5^6 / 2 end in an exact half of a millionth."""
    halves = (np.arange(1, 4001, 2) / 128).astype(np.float32)  # 7 decimals, the last a 5
    assert numbers.format_fixed6(halves[None]) == twin_fixed6(halves)


def test_fixed6_of_special_values() -> None:
    limits = np.float32(
        [0.0, -0.0, 2**24 - 1, 2**24, 2**24 + 2, 3.4028235e38, -3.4028235e38, 1e-45]
    )
    assert numbers.format_fixed6(limits[None]) == twin_fixed6(limits)
    odd = np.float32([np.inf, -np.inf, np.nan, np.copysign(np.nan, -1)])
    assert numbers.format_fixed6(odd[None]) == b"inf -inf nan -nan \n"


def format_shortest(values: np.ndarray) -> list[bytes]:
    out = bytearray(4 + len(values) * numbers.MAX_FIXED6_BYTES)
    n_bytes = numbers.write_text_rows(b"w\n", values[None], out, shortest=True)
    assert out[:2] == b"w " and out[n_bytes - 1 : n_bytes] == b"\n"
    return bytes(out[2 : n_bytes - 1]).split(b" ") if len(values) else []


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
        assert numbers.format_fixed6(np.float32([[0.5, 1e30]])).startswith(b"0.500000 ")
    finally:
        locale.setlocale(locale.LC_NUMERIC, "C")


def test_doors_check_their_buffers() -> None:
    rows = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="words has 1 words for 2 rows"):
        numbers.write_text_rows(b"a\n", rows, bytearray(1000))
    with pytest.raises(ValueError, match="may be needed"):
        numbers.write_text_rows(b"a\nb\n", rows, bytearray(10))
    with pytest.raises(ValueError, match="may be needed"):
        numbers.write_binary_rows(b"a\nb\n", rows, bytearray(10))
    with pytest.raises(ValueError, match="side by side"):
        numbers.write_binary_rows(b"a\nb\nc\n", rows.T, bytearray(1000))
    with pytest.raises(ValueError, match="padding"):
        numbers.read_text_rows(bytearray(b"a 1\n"), 0, 4, rows, bytearray(9))
    with pytest.raises(ValueError, match="words must have"):
        numbers.read_binary_rows(bytearray(100), 0, 40, rows, bytearray(9))
    with pytest.raises(ValueError, match="end with a newline"):
        numbers.read_text_rows(bytearray(b"a 1" + bytes(99)), 0, 3, rows, bytearray(9))
