"""Rows of word vectors to and from text and bytes: exact, without locale, without the GIL.

The readers take buffers with PADDING spare bytes at the end, and only records that are whole;
formats/ feeds them block by block and turns the problems they report into errors.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

from wordvec.kernels import simd


cdef extern from "number_format.h" nogil:
    enum: FIXED6_MAX_BYTES

cdef extern from "number_rows.h" nogil:
    enum: FIXED6_AND_SPACE, FIXED6, SHORTEST, GENERAL5_AND_SPACE
    char *write_number_row(char *out, const float *values, Py_ssize_t n, int style) noexcept

cdef extern from "number_lines.h" nogil:
    enum: LINE_FRONT_BYTES, LINE_SPARE_EDGES
    ctypedef int (*wv_read_numbers)(
        const unsigned char *text, const unsigned char *newline, float *values, Py_ssize_t dim,
        uint32_t *edges) noexcept
    wv_read_numbers wv_read_line_of(int level) noexcept

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
MAX_NUMBER_BYTES = FIXED6_MAX_BYTES

# How write_text_rows writes the numbers of a row.
STYLE_FIXED6_AND_SPACE = FIXED6_AND_SPACE
STYLE_FIXED6 = FIXED6
STYLE_SHORTEST = SHORTEST
STYLE_GENERAL5_AND_SPACE = GENERAL5_AND_SPACE

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


cdef inline bint _is_blank(unsigned char c) noexcept nogil:
    return c == 32 or c == 9 or c == 13


cdef Py_ssize_t _read_numbers(
    const unsigned char **text, float *values, Py_ssize_t n
) except -2 nogil:
    """Read up to `n` numbers divided by spaces or tabs; give how many were read, or -1 when
    something is not a number.  `text` moves on, at the end or at the byte that is wrong."""
    cdef const unsigned char *p = text[0]
    cdef number_scan scan
    cdef Py_ssize_t k
    for k in range(n):
        while _is_blank(p[0]):
            p += 1
        if p[0] == 10:
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


cdef struct line_reading:
    wv_read_numbers read_numbers  # of the instruction set in use
    const unsigned char *first_safe  # from here on there is room before the text for wide loads
    float *values
    Py_ssize_t dim
    uint32_t *edges
    bint spaces_allowed


cdef int _read_text_line(
    line_reading *job, const unsigned char **text, const unsigned char *stop,
    unsigned char *words, Py_ssize_t *n_word_bytes,
) except -1 nogil:
    """Read `word number number ...\n`; give the problem.  `text` moves past the newline, or to
    where the problem is."""
    cdef const unsigned char *line = text[0]
    cdef const unsigned char *newline = <const unsigned char *>memchr(line, 10, stop - line)
    cdef const unsigned char *space = <const unsigned char *>memchr(line, 32, newline - line)
    cdef int problem
    if space == NULL:
        text[0] = newline
        return _TOO_FEW_NUMBERS
    if space < job.first_safe or not job.read_numbers(
            space + 1, newline, job.values, job.dim, job.edges):
        text[0] = space
        problem = _read_unusual_numbers(text, newline, job.values, job.dim)
        if problem and job.spaces_allowed:
            space = _find_last_tokens(line, newline, job.dim)
            if space != NULL:
                text[0] = space
                problem = _read_unusual_numbers(text, newline, job.values, job.dim)
        if problem:
            return problem
    memcpy(words + n_word_bytes[0], line, space - line)
    n_word_bytes[0] += space - line
    text[0] = newline + 1
    return _NO_PROBLEM


cdef int _read_unusual_numbers(
    const unsigned char **text, const unsigned char *newline, float *values, Py_ssize_t dim,
) except -1 nogil:
    cdef Py_ssize_t n_found = _read_numbers(text, values, dim)
    if n_found < dim:
        return _NOT_A_NUMBER if n_found < 0 else _TOO_FEW_NUMBERS
    while _is_blank(text[0][0]):
        text[0] += 1
    return _NO_PROBLEM if text[0] == newline else _TOO_MANY_NUMBERS


cdef const unsigned char *_find_last_tokens(
    const unsigned char *line, const unsigned char *newline, Py_ssize_t n_tokens
) noexcept nogil:
    """The space before the last `n_tokens` tokens of a line; NULL when there are fewer."""
    cdef const unsigned char *p = newline
    while n_tokens > 0:
        while p > line and _is_blank((p - 1)[0]):
            p -= 1
        if p == line:
            return NULL
        while p > line and not _is_blank((p - 1)[0]):
            p -= 1
        n_tokens -= 1
    return p - 1 if p > line and (p - 1)[0] == 32 else NULL


def count_lines(const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t n):
    """(number of newlines in buffer[start:stop], but `n` at most; place after the last of them)"""
    if not 0 <= start <= stop <= buffer.shape[0]:
        raise ValueError(f"block {start}:{stop} is not inside the buffer")
    if start == stop:
        return 0, start
    cdef const unsigned char *base = &buffer[0]
    cdef const unsigned char *p = base + start
    cdef const unsigned char *newline
    cdef Py_ssize_t n_lines = 0
    with nogil:
        while n_lines < n:
            newline = <const unsigned char *>memchr(p, 10, base + stop - p)
            if newline == NULL:
                break
            p = newline + 1
            n_lines += 1
    return n_lines, p - base


def read_text_rows(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop,
    float[:, ::1] rows, unsigned char[::1] words, uint64_t[::1] word_ends,
    bint spaces_allowed=False,
):
    """Read lines `word number ... number` until `rows` is full or `stop` is reached.

    `buffer[start:stop]` is whole lines: it is empty or its last byte is a newline; PADDING more
    bytes follow `stop`.  A word ends at the first space; with `spaces_allowed` before the last
    numbers of the row, if that does not fit.  Words go into `words`, one after the other, and
    where each ends into `word_ends`; `words` has at least `stop - start` bytes, `word_ends` as
    many items as `rows` has rows.

    Returns (n_rows, n_word_bytes, position, problem): the rows filled, the bytes used in `words`,
    the position in `buffer` where reading stopped, and the problem there (a constant of this
    module).
    """
    _check_block(buffer, start, stop, rows, words.shape[0], word_ends.shape[0])
    if stop > start and buffer[stop - 1] != 10:
        raise ValueError("the block must end with a newline")
    cdef Py_ssize_t n_rows = 0, n_word_bytes = 0, room = rows.shape[0]
    cdef const unsigned char *base = &buffer[0]
    cdef const unsigned char *text = base + start
    cdef const unsigned char *end = base + stop
    cdef int problem = _NO_PROBLEM
    cdef float no_numbers = 0
    cdef line_reading job
    job.read_numbers = wv_read_line_of(simd.active_level())
    job.first_safe = base + LINE_FRONT_BYTES
    job.values = &no_numbers
    job.dim = rows.shape[1]
    job.spaces_allowed = spaces_allowed
    job.edges = <uint32_t *>malloc((job.dim + LINE_SPARE_EDGES) * sizeof(uint32_t))
    if job.edges == NULL:
        raise MemoryError
    try:
        with nogil:
            while n_rows < room and text < end:
                if job.dim:
                    job.values = &rows[n_rows, 0]
                problem = _read_text_line(&job, &text, end, &words[0], &n_word_bytes)
                if problem:
                    break
                word_ends[n_rows] = n_word_bytes
                n_rows += 1
    finally:
        free(job.edges)
    return n_rows, n_word_bytes, text - base, problem


def read_binary_rows(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop,
    float[:, ::1] rows, unsigned char[::1] words, uint64_t[::1] word_ends,
):
    """Read records `word space float32 ... float32` until `rows` is full or the next record is
    not whole; newlines before a word are skipped.

    The floats are copied as they are (little-endian in all known files).  Arguments and result as
    in `read_text_rows`, except that `buffer[start:stop]` may end anywhere; the position is then
    at the first byte of the unfinished record.
    """
    _check_block(buffer, start, stop, rows, words.shape[0], word_ends.shape[0])
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
            n_word_bytes += length
            word_ends[n_rows] = n_word_bytes
            if row_bytes:
                memcpy(&rows[n_rows, 0], space + 1, row_bytes)
            text = space + 1 + row_bytes
            n_rows += 1
    return n_rows, n_word_bytes, text - base, problem


def _check_block(
    const unsigned char[::1] buffer, Py_ssize_t start, Py_ssize_t stop, rows,
    Py_ssize_t words_room, Py_ssize_t ends_room,
):
    if not 0 <= start <= stop <= buffer.shape[0] - NUMBER_PADDING:
        raise ValueError(f"block {start}:{stop} with padding is not inside the buffer")
    if words_room < stop - start or words_room == 0:
        raise ValueError("words must have as many bytes as the block, and at least one")
    if ends_room < len(rows):
        raise ValueError(f"word_ends has room for {ends_room} of {len(rows)} words")


cdef const unsigned char *_first_byte(const unsigned char[::1] bytes) noexcept:
    return &bytes[0] if bytes.shape[0] else <const unsigned char *>b""


def find_unwritable(
    const unsigned char[::1] data, const uint64_t[::1] ends, Py_ssize_t first, Py_ssize_t last,
    bint spaces_allowed=False,
):
    """The first row of first..last whose word holds a newline or a space, -1 if none does.  With
    `spaces_allowed` only a space at the end of a word counts.

    Word i is data[ends[i - 1]:ends[i]].
    """
    _check_words(data, ends, first, last)
    cdef const unsigned char *base = _first_byte(data)
    cdef const unsigned char *word
    cdef Py_ssize_t row, length
    for row in range(first, last):
        word = base + (ends[row - 1] if row else 0)
        length = base + ends[row] - word
        if memchr(word, 10, length) != NULL:
            return row
        if spaces_allowed:
            if length and word[length - 1] == 32:
                return row
        elif memchr(word, 32, length) != NULL:
            return row
    return -1


def write_text_rows(
    const unsigned char[::1] data, const uint64_t[::1] ends, Py_ssize_t first,
    const float[:, :] rows, unsigned char[::1] out, int style,
):
    """Write a line `word number ... number` for each row, whose words are `first` and following;
    return the number of bytes written to `out`.

    Word i is data[ends[i - 1]:ends[i]].  `style` is how: STYLE_FIXED6_AND_SPACE six decimals and
    a space after every number (word2vec.c), STYLE_FIXED6 the same without the last space (GloVe),
    STYLE_SHORTEST the fewest digits that give the same float32 back, in the layout of NumPy's str
    (gensim), STYLE_GENERAL5_AND_SPACE five digits as "%.5g" (fastText).  `out` has at least
    (bytes of the words) + n_rows * (2 + dim * MAX_NUMBER_BYTES) bytes.
    """
    cdef Py_ssize_t dim = rows.shape[1], n_rows = rows.shape[0]
    _check_output(data, ends, first, rows, 2 + dim * FIXED6_MAX_BYTES, out.shape[0])
    if n_rows == 0:
        return 0
    if not 0 <= style <= GENERAL5_AND_SPACE:
        raise ValueError(f"there is no style {style}")
    cdef const unsigned char *base = _first_byte(data)
    cdef const unsigned char *word
    cdef char *p = <char *>&out[0]
    cdef Py_ssize_t i, length
    with nogil:
        for i in range(n_rows):
            word = base + (ends[first + i - 1] if first + i else 0)
            length = base + ends[first + i] - word
            memcpy(p, word, length)
            p[length] = 32
            p += length + 1
            if dim:
                p = write_number_row(p, &rows[i, 0], dim, style)
            p[0] = 10
            p += 1
    return p - <char *>&out[0]


def write_binary_rows(
    const unsigned char[::1] data, const uint64_t[::1] ends, Py_ssize_t first,
    const float[:, :] rows, unsigned char[::1] out, bint newline=True,
):
    """Write `word space float32 ... float32 newline` for each row; the floats are copied as they
    are.  Without `newline` gensim's records.  Returns the number of bytes written to `out`.

    Words as in `write_text_rows`; `out` has at least (bytes of the words) + n_rows * (2 + 4 * dim)
    bytes.
    """
    cdef Py_ssize_t n_rows = rows.shape[0], row_bytes = 4 * rows.shape[1]
    _check_output(data, ends, first, rows, 2 + row_bytes, out.shape[0])
    if n_rows == 0:
        return 0
    cdef const unsigned char *base = _first_byte(data)
    cdef const unsigned char *word
    cdef unsigned char *p = &out[0]
    cdef Py_ssize_t i, length
    with nogil:
        for i in range(n_rows):
            word = base + (ends[first + i - 1] if first + i else 0)
            length = base + ends[first + i] - word
            memcpy(p, word, length)
            p[length] = 32
            p += length + 1
            if row_bytes:
                memcpy(p, &rows[i, 0], row_bytes)
            p += row_bytes
            if newline:
                p[0] = 10
                p += 1
    return p - &out[0]


cdef _check_words(
    const unsigned char[::1] data, const uint64_t[::1] ends, Py_ssize_t first, Py_ssize_t last
):
    if not 0 <= first <= last <= ends.shape[0]:
        raise ValueError(f"words {first} to {last} of {ends.shape[0]}")
    cdef uint64_t before = ends[first - 1] if first else 0
    cdef Py_ssize_t row
    for row in range(first, last):
        if ends[row] < before or ends[row] > <uint64_t>data.shape[0]:
            raise ValueError(f"the offsets of word {row} make no sense")
        before = ends[row]


cdef _check_output(
    const unsigned char[::1] data, const uint64_t[::1] ends, Py_ssize_t first,
    const float[:, :] rows, Py_ssize_t row_bytes, Py_ssize_t room
):
    cdef Py_ssize_t n_rows = rows.shape[0]
    _check_words(data, ends, first, first + n_rows)
    if n_rows == 0:
        return
    cdef uint64_t n_word_bytes = ends[first + n_rows - 1] - (ends[first - 1] if first else 0)
    if rows.shape[1] > 1 and rows.strides[1] != 4:
        raise ValueError("the numbers of one row must lie side by side")
    if room < n_rows * row_bytes + <Py_ssize_t>n_word_bytes:
        raise ValueError(f"out has {room} bytes, {n_rows * row_bytes + n_word_bytes} may be needed")


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
        while n_found == room and _is_blank(p[0]):
            p += 1
    if n_found < 0:
        raise ValueError(f"byte {p - base}: not a number")
    if p - base < length:
        raise ValueError(f"byte {p - base}: more than {room} numbers, or a newline")
    return n_found
