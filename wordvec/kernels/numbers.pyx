"""Rows of word vectors to and from text and bytes: exact, without locale, without the GIL.

The readers take buffers with PADDING spare bytes at the end, and only records that are whole;
formats/ feeds them block by block and turns the problems they report into errors.
"""

from libc.string cimport memchr, memcpy


cdef extern from "number_format.h" nogil:
    enum: FIXED6_MAX_BYTES
    char *write_fixed6_row(char *out, const float *values, Py_ssize_t n) noexcept

cdef extern from "number_shortest.h" nogil:
    char *write_shortest_row(char *out, const float *values, Py_ssize_t n) noexcept

cdef extern from "number_parse.h" nogil:
    enum: NUMBER_PADDING
    enum number_status:
        NUMBER_READY
        NUMBER_DOUBTFUL
        NUMBER_BAD
    struct number_scan:
        number_status status
        float value
        const unsigned char *end
    number_scan scan_number(const unsigned char *text) noexcept

cdef extern from "<math.h>" nogil:
    float INFINITY
    float nextafterf(float value, float towards) noexcept
    double ldexp(double value, int exponent) noexcept
    bint isinf(double value) noexcept


PADDING = NUMBER_PADDING
MAX_FIXED6_BYTES = FIXED6_MAX_BYTES

# What stopped a reader.  NO_PROBLEM: it came to the end of the block, or the rows are full.
cdef enum:
    _NO_PROBLEM = 0
    _NOT_A_NUMBER = 1
    _TOO_FEW_NUMBERS = 2
    _TOO_MANY_NUMBERS = 3
    _NEWLINE_IN_WORD = 4
NO_PROBLEM = _NO_PROBLEM
NOT_A_NUMBER = _NOT_A_NUMBER
TOO_FEW_NUMBERS = _TOO_FEW_NUMBERS
TOO_MANY_NUMBERS = _TOO_MANY_NUMBERS
NEWLINE_IN_WORD = _NEWLINE_IN_WORD


def round_exactly(text: bytes) -> float:
    """The float32 nearest to the decimal number in `text`, ties to even; any number of digits.

    The slow path of the parser: exact, about a microsecond.  `text` follows the parser's grammar.
    """
    from decimal import Decimal

    # A double rounds to the same float as the true number does, because rounding keeps order and
    # the middle between two floats is itself a double.  Only when the double IS such a middle may
    # the true number lie on either side of it.
    cdef double rounded_once = float(text)
    cdef float nearest = <float>rounded_once
    cdef double nearest_as_double = _as_finite(nearest)
    if isinf(rounded_once) or rounded_once != rounded_once or nearest_as_double == rounded_once:
        return nearest
    cdef float other = nextafterf(nearest, INFINITY if rounded_once > nearest else -INFINITY)
    if rounded_once - nearest_as_double != _as_finite(other) - rounded_once:
        return nearest
    exact, middle = Decimal(text.decode("ascii")), Decimal(rounded_once)
    if exact == middle or (exact > middle) == (nearest_as_double > rounded_once):
        return nearest  # the cast above took a tie to the even side
    return other


cdef inline double _as_finite(float value) noexcept nogil:
    """`value`, with 2^128 (where the next float would be) for infinity."""
    if isinf(value):
        return ldexp(1.0 if value > 0 else -1.0, 128)
    return value


cdef int _round_exactly(const unsigned char *text, Py_ssize_t n, float *value) except -1 with gil:
    value[0] = round_exactly((<const char *>text)[:n])
    return 0


cdef Py_ssize_t _read_numbers(
    const unsigned char **text, float *values, Py_ssize_t n
) except -2 nogil:
    """Read up to `n` numbers divided by spaces or tabs; give how many were read, or -1 when
    something is not a number.  `text` moves on, at the end or at the byte that is wrong."""
    cdef const unsigned char *p = text[0]
    cdef number_scan scan
    cdef Py_ssize_t k
    for k in range(n):
        while p[0] == 32 or p[0] == 9:
            p += 1
        if p[0] == 10 or (p[0] == 13 and p[1] == 10):
            text[0] = p
            return k
        scan = scan_number(p)
        if scan.status != NUMBER_READY:
            if scan.status == NUMBER_BAD:
                text[0] = scan.end
                return -1
            _round_exactly(p, scan.end - p, &scan.value)
        values[k] = scan.value
        p = scan.end
    text[0] = p
    return n


cdef int _read_text_line(
    const unsigned char **text, const unsigned char *stop, float *values, Py_ssize_t dim,
    unsigned char *words, Py_ssize_t *n_word_bytes,
) except -1 nogil:
    """Read `word number number ...\\n`; give the problem.  `text` moves past the newline, or to
    where the problem is."""
    cdef const unsigned char *newline = <const unsigned char *>memchr(text[0], 10, stop - text[0])
    cdef const unsigned char *space = <const unsigned char *>memchr(
        text[0], 32, newline - text[0])
    cdef Py_ssize_t n_found, length
    if space == NULL:
        text[0] = newline
        return _TOO_FEW_NUMBERS
    length = space - text[0]
    memcpy(words + n_word_bytes[0], text[0], length)
    text[0] = space
    n_found = _read_numbers(text, values, dim)
    if n_found < dim:
        return _NOT_A_NUMBER if n_found < 0 else _TOO_FEW_NUMBERS
    while text[0][0] == 32 or text[0][0] == 9 or text[0][0] == 13:
        text[0] += 1
    if text[0] != newline:
        return _TOO_MANY_NUMBERS
    words[n_word_bytes[0] + length] = 10
    n_word_bytes[0] += length + 1
    text[0] = newline + 1
    return _NO_PROBLEM


def read_text_rows(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop,
    float[:, ::1] rows, unsigned char[::1] words,
):
    """Read lines `word number ... number` until `rows` is full or `stop` is reached.

    `buffer[start:stop]` is whole lines: it is empty or its last byte is a newline; PADDING more
    bytes follow `stop`.  A word ends at the first space.  Words go into `words`, each followed by
    a newline; `words` has at least `stop - start` bytes.

    Returns (n_rows, n_word_bytes, position, problem): the rows filled, the bytes used in `words`,
    the position in `buffer` where reading stopped, and the problem there (a constant of this
    module).
    """
    _check_block(buffer, start, stop, words.shape[0])
    if stop > start and buffer[stop - 1] != 10:
        raise ValueError("the block must end with a newline")
    cdef Py_ssize_t n_rows = 0, n_word_bytes = 0, dim = rows.shape[1], room = rows.shape[0]
    cdef const unsigned char *base = &buffer[0]
    cdef const unsigned char *text = base + start
    cdef const unsigned char *end = base + stop
    cdef float no_numbers = 0
    cdef int problem = _NO_PROBLEM
    with nogil:
        while n_rows < room and text < end:
            problem = _read_text_line(
                &text, end, &rows[n_rows, 0] if dim else &no_numbers, dim,
                &words[0], &n_word_bytes)
            if problem:
                break
            n_rows += 1
    return n_rows, n_word_bytes, text - base, problem


def read_binary_rows(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop,
    float[:, ::1] rows, unsigned char[::1] words,
):
    """Read records `word space float32 ... float32` until `rows` is full or the next record is
    not whole; newlines before a word are skipped.

    The floats are copied as they are (little-endian in all known files).  Arguments and result as
    in `read_text_rows`, except that `buffer[start:stop]` may end anywhere; the position is then
    at the first byte of the unfinished record.
    """
    _check_block(buffer, start, stop, words.shape[0])
    cdef Py_ssize_t n_rows = 0, n_word_bytes = 0, length
    cdef Py_ssize_t room = rows.shape[0], row_bytes = 4 * rows.shape[1]
    cdef const unsigned char *base = &buffer[0]
    cdef const unsigned char *text = base + start
    cdef const unsigned char *end = base + stop
    cdef const unsigned char *space
    cdef int problem = _NO_PROBLEM
    with nogil:
        while n_rows < room:
            while text < end and text[0] == 10:
                text += 1
            space = <const unsigned char *>memchr(text, 32, end - text)
            length = (space if space != NULL else end) - text
            if memchr(text, 10, length) != NULL:
                problem = _NEWLINE_IN_WORD
                break
            if space == NULL or end - space - 1 < row_bytes:
                break
            memcpy(&words[n_word_bytes], text, length)
            words[n_word_bytes + length] = 10
            n_word_bytes += length + 1
            if row_bytes:
                memcpy(&rows[n_rows, 0], space + 1, row_bytes)
            text = space + 1 + row_bytes
            n_rows += 1
    return n_rows, n_word_bytes, text - base, problem


def _check_block(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t words_room
):
    if not 0 <= start <= stop <= buffer.shape[0] - NUMBER_PADDING:
        raise ValueError(f"block {start}:{stop} with padding is not inside the buffer")
    if words_room < stop - start or words_room == 0:
        raise ValueError("words must have as many bytes as the block, and at least one")


def write_text_rows(
    const unsigned char[::1] words, const float[:, :] rows, unsigned char[::1] out,
    bint shortest=False,
):
    """Write a line for each row.  Returns the number of bytes written to `out`.

    As word2vec.c does, `word number number \\n`: six decimals, and a space after every number.
    With `shortest` as gensim does, `word number number\\n`: the fewest digits that give the same
    float32 back, in the layout of NumPy's str().

    `words` holds one word per row, each followed by a newline.  `out` has at least
    `len(words) + n_rows * (2 + dim * MAX_FIXED6_BYTES)` bytes.
    """
    cdef Py_ssize_t dim = rows.shape[1], n_rows = rows.shape[0]
    _check_output(words, rows, words.shape[0] + n_rows * (2 + dim * FIXED6_MAX_BYTES),
                  out.shape[0])
    if n_rows == 0:
        return 0
    cdef const unsigned char *word = &words[0]
    cdef const unsigned char *words_end = word + words.shape[0]
    cdef const unsigned char *word_end
    cdef char *base = <char *>&out[0]
    cdef char *p = base
    cdef Py_ssize_t i
    with nogil:
        for i in range(n_rows):
            word_end = <const unsigned char *>memchr(word, 10, words_end - word)
            memcpy(p, word, word_end - word)
            p += word_end - word
            p[0] = 32
            p = p + 1
            if dim and shortest:
                p = write_shortest_row(p, &rows[i, 0], dim)
            elif dim:
                p = write_fixed6_row(p, &rows[i, 0], dim)
            p[0] = 10
            p = p + 1
            word = word_end + 1
    return p - base


def write_binary_rows(
    const unsigned char[::1] words, const float[:, :] rows, unsigned char[::1] out
):
    """Write `word space float32 ... float32 newline` for each row; the floats are copied as they
    are.  Returns the number of bytes written to `out`.

    `words` as in `write_text_rows`; `out` has at least `len(words) + n_rows * (1 + 4 * dim)`.
    """
    cdef Py_ssize_t n_rows = rows.shape[0], row_bytes = 4 * rows.shape[1]
    _check_output(words, rows, words.shape[0] + n_rows * (1 + row_bytes), out.shape[0])
    if n_rows == 0:
        return 0
    cdef const unsigned char *word = &words[0]
    cdef const unsigned char *words_end = word + words.shape[0]
    cdef const unsigned char *word_end
    cdef unsigned char *base = &out[0]
    cdef unsigned char *p = base
    cdef Py_ssize_t i
    with nogil:
        for i in range(n_rows):
            word_end = <const unsigned char *>memchr(word, 10, words_end - word)
            memcpy(p, word, word_end - word)
            p += word_end - word
            p[0] = 32
            p += 1
            if row_bytes:
                memcpy(p, &rows[i, 0], row_bytes)
            p += row_bytes
            p[0] = 10
            p += 1
            word = word_end + 1
    return p - base


def _check_output(
    const unsigned char[::1] words, const float[:, :] rows, Py_ssize_t needed, Py_ssize_t room
):
    cdef Py_ssize_t n_words = 0, k
    for k in range(words.shape[0]):
        n_words += words[k] == 10
    if n_words != rows.shape[0] or (n_words and words[words.shape[0] - 1] != 10):
        raise ValueError(f"words has {n_words} words for {rows.shape[0]} rows")
    if rows.shape[1] > 1 and rows.strides[1] != 4:
        raise ValueError("the numbers of one row must lie side by side")
    if room < needed:
        raise ValueError(f"out has {room} bytes, {needed} may be needed")


def format_fixed6(const float[:, :] rows) -> bytes:
    """Rows as text: every number with six decimals and a space after it, a newline per row."""
    cdef Py_ssize_t n_rows = rows.shape[0]
    words = b"\n" * n_rows
    out = bytearray(n_rows * (3 + rows.shape[1] * FIXED6_MAX_BYTES))
    if not n_rows:
        return b""
    n_bytes = write_text_rows(words, rows, out)
    # Each line starts with the space after its empty word.
    return bytes(out[1:n_bytes]).replace(b"\n ", b"\n")


def parse_numbers(text: bytes, float[::1] out) -> int:
    """Read numbers divided by spaces or tabs from `text` into `out`; return how many there were.

    Correctly rounded.  Raises ValueError with the byte offset where something is not a number,
    or when there are more numbers than `out` can hold.
    """
    padded = bytearray(text) + b"\n" * NUMBER_PADDING
    cdef unsigned char[::1] view = padded
    cdef const unsigned char *base = &view[0]
    cdef const unsigned char *p = base
    cdef Py_ssize_t n_found, room = out.shape[0], length = len(text)
    cdef float none = 0
    with nogil:
        n_found = _read_numbers(&p, &out[0] if room else &none, room)
        while n_found == room and (p[0] == 32 or p[0] == 9):
            p += 1
    if n_found < 0:
        raise ValueError(f"byte {p - base}: not a number")
    if p - base < length:
        raise ValueError(f"byte {p - base}: more than {room} numbers, or a newline")
    return n_found
