"""Pickles looked through before anything is built from them: pickletools in C, for safety.

`check_pickle` follows the stack and the memo of a pickle without making objects.  What it lets
through cannot make Python's unpickler allocate more than the size of the file justifies, nor hash
nested tuples for years; the classes are the business of find_class.
"""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr

# What is wrong with a pickle.
cdef enum:
    _FINE = 0
    _CUT_SHORT = 1  # the file ends within an instruction, or before STOP
    _UNKNOWN = 2  # an instruction that gensim's files do not have
    _NOT_BALANCED = 3  # the stack lacks what an instruction takes
    _NOT_IN_MEMO = 4  # a memo place that is empty, or far beyond the ones in use
    _TOO_MANY = 5  # more objects than a file of this size has a reason to hold
    _BAD_KEY = 6  # a tuple or a very large number as key or member of a set
    _LONG_NUMBER = 7
    _TRAILING = 8  # bytes behind STOP

FINE = _FINE
CUT_SHORT = _CUT_SHORT
UNKNOWN = _UNKNOWN
NOT_BALANCED = _NOT_BALANCED
NOT_IN_MEMO = _NOT_IN_MEMO
TOO_MANY = _TOO_MANY
BAD_KEY = _BAD_KEY
LONG_NUMBER = _LONG_NUMBER
TRAILING = _TRAILING

# What lies on the stack, as far as it matters.
cdef enum:
    MARK = 1
    UNFIT_KEY = 2  # a tuple, or a number of many bytes: keys of a dict that cost too much
    OTHER = 3

cdef enum:
    SPARE_OBJECTS = 1000  # that any file may have
    BYTES_PER_OBJECT = 8  # at least, in larger ones
    MAX_KEY_BYTES = 8  # of an integer: larger ones can be made to collide in a dict
    MAX_INTEGER_BYTES = 64  # the state of a random generator has 17
    MAX_DIGITS = 24
    PROTOCOL = 0x80
    NEWEST_PROTOCOL = 5


cdef struct Scan:
    const unsigned char *data
    Py_ssize_t n_bytes
    Py_ssize_t position
    unsigned char *stack
    Py_ssize_t depth
    unsigned char *memo  # 0: empty
    Py_ssize_t n_memo
    Py_ssize_t n_objects


cdef unsigned long long number_at(Scan *scan, int n_bytes) noexcept nogil:
    """The little-endian number of `n_bytes` at the position, which there must be."""
    cdef unsigned long long value = 0
    cdef int k
    for k in range(n_bytes):
        value |= (<unsigned long long>scan.data[scan.position + k]) << (8 * k)
    return value


cdef int skip(Scan *scan, unsigned long long n_bytes) noexcept nogil:
    if n_bytes > <unsigned long long>(scan.n_bytes - scan.position):
        return _CUT_SHORT
    scan.position += <Py_ssize_t>n_bytes
    return _FINE


cdef int skip_counted(Scan *scan, int n_length_bytes) noexcept nogil:
    """Skip a length and that many bytes."""
    cdef unsigned long long length
    if scan.n_bytes - scan.position < n_length_bytes:
        return _CUT_SHORT
    length = number_at(scan, n_length_bytes)
    scan.position += n_length_bytes
    return skip(scan, length)


cdef int skip_line(Scan *scan, Py_ssize_t most) noexcept nogil:
    """Skip up to a newline, at most so many bytes away."""
    cdef Py_ssize_t length = min(most, scan.n_bytes - scan.position)
    cdef const unsigned char *start = scan.data + scan.position
    cdef const unsigned char *end
    if length == 0:
        return _CUT_SHORT
    end = <const unsigned char *>memchr(start, c"\n", length)
    if end == NULL:
        return _CUT_SHORT if length < most else _LONG_NUMBER
    scan.position += end - start + 1
    return _FINE


cdef int push(Scan *scan, unsigned char kind) noexcept nogil:
    # Each instruction, of a byte or more, pushes one thing: the stack is as long as the file.
    scan.stack[scan.depth] = kind
    scan.depth += 1
    return _FINE


cdef int push_object(Scan *scan, unsigned char kind) noexcept nogil:
    scan.n_objects += 1
    if scan.n_objects > SPARE_OBJECTS + scan.n_bytes // BYTES_PER_OBJECT:
        return _TOO_MANY
    return push(scan, kind)


cdef int pop(Scan *scan, Py_ssize_t n) noexcept nogil:
    """Take `n` things, none of them a mark."""
    cdef Py_ssize_t k
    if scan.depth < n:
        return _NOT_BALANCED
    for k in range(1, n + 1):
        if scan.stack[scan.depth - k] == MARK:
            return _NOT_BALANCED
    scan.depth -= n
    return _FINE


cdef Py_ssize_t pop_to_mark(Scan *scan) noexcept nogil:
    """Take all down to the last mark, and it; how many things, or -1 without a mark."""
    cdef Py_ssize_t top = scan.depth
    while scan.depth > 0:
        scan.depth -= 1
        if scan.stack[scan.depth] == MARK:
            return top - scan.depth - 1
    return -1


cdef int check_keys(Scan *scan, Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    """Nothing unfit among each `step`-th of the `n` things that were above the mark now popped."""
    cdef Py_ssize_t k = 0
    if n < 0 or n % step:
        return _NOT_BALANCED
    while k < n:
        if scan.stack[scan.depth + 1 + k] == UNFIT_KEY:
            return _BAD_KEY
        k += step
    return _FINE


cdef int remember(Scan *scan, unsigned long long place) noexcept nogil:
    if scan.depth == 0 or scan.stack[scan.depth - 1] == MARK:
        return _NOT_BALANCED
    # Picklers count their places from 0 or 1; a large one would make the unpickler's memo large.
    if place > <unsigned long long>scan.n_memo + 1:
        return _NOT_IN_MEMO
    scan.n_memo += scan.memo[place] == 0
    scan.memo[place] = scan.stack[scan.depth - 1]
    return _FINE


cdef int recall(Scan *scan, unsigned long long place) noexcept nogil:
    if place > <unsigned long long>scan.n_memo + 1 or scan.memo[place] == 0:
        return _NOT_IN_MEMO
    return push(scan, scan.memo[place])


cdef int place_number(Scan *scan, int n_bytes, unsigned long long *place) noexcept nogil:
    if scan.n_bytes - scan.position < n_bytes:
        return _CUT_SHORT
    place[0] = number_at(scan, n_bytes)
    scan.position += n_bytes
    return _FINE


cdef int follow_value(Scan *scan, unsigned char code) noexcept nogil:
    """Instructions that push a number, a text or bytes; _UNKNOWN for others."""
    cdef unsigned char kind = OTHER
    cdef int problem
    if code == c"N" or code == 0x88 or code == 0x89:
        problem = _FINE
    elif code == c"K":
        problem = skip(scan, 1)
    elif code == c"M":
        problem = skip(scan, 2)
    elif code == c"J":
        problem = skip(scan, 4)
    elif code == c"G":
        problem = skip(scan, 8)
    elif code == 0x8A:
        if scan.position < scan.n_bytes and scan.data[scan.position] > MAX_KEY_BYTES:
            if scan.data[scan.position] > MAX_INTEGER_BYTES:
                return _LONG_NUMBER
            kind = UNFIT_KEY
        problem = skip_counted(scan, 1)
    elif code == c"I":  # integers of 64 bits in pickles of Python 2
        problem = skip_line(scan, MAX_DIGITS)
    elif code == c"U" or code == c"C" or code == 0x8C:
        problem = skip_counted(scan, 1)
    elif code == c"T" or code == c"B" or code == c"X":
        problem = skip_counted(scan, 4)
    elif code == 0x8D or code == 0x8E or code == 0x96:
        problem = skip_counted(scan, 8)
    else:
        return _UNKNOWN
    return problem if problem else push(scan, kind)


cdef int follow_container(Scan *scan, unsigned char code) noexcept nogil:
    """Instructions that make and fill tuples, lists, dicts and sets; _UNKNOWN for others."""
    cdef Py_ssize_t n
    cdef int problem
    if code == c")":
        return push(scan, UNFIT_KEY)
    if code == c"]" or code == c"}" or code == 0x8F:
        return push_object(scan, OTHER)
    if 0x85 <= code <= 0x87:
        problem = pop(scan, code - 0x84)
        return problem if problem else push_object(scan, UNFIT_KEY)
    if code == c"t" or code == c"l":
        if pop_to_mark(scan) < 0:
            return _NOT_BALANCED
        return push_object(scan, UNFIT_KEY if code == c"t" else OTHER)
    if code == c"d" or code == 0x91:
        problem = check_keys(scan, pop_to_mark(scan), 2 if code == c"d" else 1)
        return problem if problem else push_object(scan, OTHER)
    if code == c"a":
        problem = pop(scan, 2)
        return problem if problem else push(scan, OTHER)
    if code == c"e" or code == c"u" or code == 0x90:
        n = pop_to_mark(scan)
        problem = check_keys(scan, n, 2 if code == c"u" else 1) if code != c"e" else 0
        if n < 0:
            return _NOT_BALANCED
        if problem == _FINE:
            problem = pop(scan, 1)
        return problem if problem else push(scan, OTHER)
    if code == c"s":
        problem = pop(scan, 3)
        if problem == _FINE and scan.stack[scan.depth + 1] == UNFIT_KEY:
            return _BAD_KEY
        return problem if problem else push(scan, OTHER)
    return _UNKNOWN


cdef int follow_object(Scan *scan, unsigned char code) noexcept nogil:
    """Instructions that name classes and make objects; _UNKNOWN for others."""
    cdef int problem
    if code == c"c":
        problem = skip_line(scan, scan.n_bytes)
        if problem == _FINE:
            problem = skip_line(scan, scan.n_bytes)
        return problem if problem else push(scan, OTHER)
    if code == 0x93 or code == c"R" or code == 0x81 or code == c"b" or code == 0x92:
        problem = pop(scan, 3 if code == 0x92 else 2)
        return problem if problem else push_object(scan, OTHER)
    return _UNKNOWN


cdef int follow_stack(Scan *scan, unsigned char code) noexcept nogil:
    """Instructions about the stack, the memo and the file itself; _UNKNOWN for others."""
    cdef unsigned long long number = 0
    cdef int problem
    if code == c"(":
        return push(scan, MARK)
    if code == c"0":
        if scan.depth == 0:
            return _NOT_BALANCED
        scan.depth -= 1
        return _FINE
    if code == c"1":
        return _NOT_BALANCED if pop_to_mark(scan) < 0 else _FINE
    if code == c"2":
        if scan.depth == 0 or scan.stack[scan.depth - 1] == MARK:
            return _NOT_BALANCED
        return push(scan, scan.stack[scan.depth - 1])
    if code == 0x94:
        return remember(scan, scan.n_memo)
    if code == c"q" or code == c"r":
        problem = place_number(scan, 1 if code == c"q" else 4, &number)
        return problem if problem else remember(scan, number)
    if code == c"h" or code == c"j":
        problem = place_number(scan, 1 if code == c"h" else 4, &number)
        return problem if problem else recall(scan, number)
    if code == PROTOCOL:
        if scan.position < scan.n_bytes and scan.data[scan.position] > NEWEST_PROTOCOL:
            return _UNKNOWN
        return skip(scan, 1)
    if code == 0x95:  # a frame: a length, and what it holds follows as usual
        problem = place_number(scan, 8, &number)
        if problem == _FINE and number > <unsigned long long>(scan.n_bytes - scan.position):
            problem = _CUT_SHORT
        return problem
    return _UNKNOWN


cdef int follow(Scan *scan, Py_ssize_t *place) noexcept nogil:
    """Go through the instructions; `place` becomes where the last one is."""
    cdef unsigned char code
    cdef int problem
    while scan.position < scan.n_bytes:
        place[0] = scan.position
        code = scan.data[scan.position]
        scan.position += 1
        if code == c".":
            problem = pop(scan, 1)
            if problem == _FINE and scan.position < scan.n_bytes:
                place[0] = scan.position
                return _TRAILING
            return problem
        problem = follow_value(scan, code)
        if problem == _UNKNOWN:
            problem = follow_container(scan, code)
        if problem == _UNKNOWN:
            problem = follow_object(scan, code)
        if problem == _UNKNOWN:
            problem = follow_stack(scan, code)
        if problem:
            return problem
    place[0] = scan.n_bytes
    return _CUT_SHORT


def check_pickle(const unsigned char[::1] data):
    """(what is wrong or FINE, byte of the instruction where).

    Takes twice the size of `data` in memory at most, and touches what the stack and the memo of
    the pickle need.
    """
    cdef Scan scan
    cdef Py_ssize_t place = 0
    cdef Py_ssize_t k
    cdef int problem
    scan.n_bytes = data.shape[0]
    if scan.n_bytes == 0:
        return _CUT_SHORT, 0
    scan.data = &data[0]
    scan.position = scan.depth = scan.n_memo = scan.n_objects = 0
    scan.stack = <unsigned char *>malloc(scan.n_bytes + 1)
    scan.memo = <unsigned char *>calloc(scan.n_bytes + 3, 1)
    try:
        if scan.stack == NULL or scan.memo == NULL:
            raise MemoryError()
        with nogil:
            problem = follow(&scan, &place)
    finally:
        free(scan.stack)
        free(scan.memo)
    return problem, place
