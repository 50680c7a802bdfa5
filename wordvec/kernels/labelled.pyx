"""Lines of text to the rows and labels of a classifier; see line_rows.h for the numbering.

Nothing here starts a thread; every long call releases the GIL, and a LineRules or LineReader may
serve any number of threads.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from wordvec.kernels import simd


cdef extern from "line_rows.h" nogil:
    enum:
        UNKNOWN_WORD
        LEFT_OUT
        LABEL_CODE
        DROP_BUCKET
        START_OF_BUCKET
        WV_HASH_START
        WV_NGRAM_PADDING
    uint32_t wv_hash_step(uint32_t, uint8_t)
    ctypedef struct wv_ngram_rules:
        int64_t shortest, longest
        uint32_t n_buckets, reciprocal
    ctypedef struct wv_subword_ops:
        pass
    const wv_subword_ops wv_subword_ops_baseline
    ctypedef struct indexed_words:
        const uint8_t *data
        const uint64_t *ends
        int64_t n_words
        uint64_t n_bytes
        int32_t *slots
        uint8_t *tags
        uint64_t n_slots
    ctypedef struct wv_line_rules:
        int32_t n_words, word_ngrams
        uint32_t n_buckets
        uint64_t reciprocal
        const int32_t *row_of_bucket
        int32_t without_row
        const int32_t *codes
        const uint32_t *hashes
        const int64_t *ngram_starts
        const int32_t *ngram_buckets
    ctypedef struct wv_line_output:
        int32_t *rows
        int32_t *labels
        uint32_t *hashes
        int64_t n_rows, n_labels, n_hashes
        int64_t rows_room, labels_room, hashes_room
    ctypedef struct wv_line_reader:
        const wv_line_rules *rules
        const indexed_words *words
        uint64_t seed
        const uint8_t *prefix
        int64_t prefix_bytes, separator
        uint32_t separator_hash
        const wv_ngram_rules *ngrams
        const wv_subword_ops *subwords
        uint8_t *scratch
    ctypedef struct wv_lines_found:
        int64_t n_lines, next, n_tokens
        int32_t is_full
    ctypedef struct wv_line_ends:
        int64_t *row_starts
        int64_t *label_starts
        int64_t lines_room
    int add_entry(const wv_line_rules *, int64_t, wv_line_output *)
    int end_line(const wv_line_rules *, wv_line_output *)
    void find_lines(const wv_line_reader *, const uint8_t *, int64_t, int64_t, int,
                    wv_line_output *, const wv_line_ends *, wv_lines_found *)


cdef extern from *:
    """
    static const wv_subword_ops *wv_subword_ops_of(int level)
    {
    #if defined(__x86_64__)
        if (level == 2)
            return &wv_subword_ops_avx512;
        if (level == 1)
            return &wv_subword_ops_avx2;
    #endif
        (void)level;
        return &wv_subword_ops_baseline;
    }
    """
    const wv_subword_ops *wv_subword_ops_of(int level) noexcept


CODE_OF_UNKNOWN = UNKNOWN_WORD
CODE_OF_LEFT_OUT = LEFT_OUT
CODE_OF_LABEL = LABEL_CODE
MAX_TEXT_BYTES = 2**31 - 1


def hash_words(const uint8_t[::1] data not None, const int64_t[::1] starts not None,
               uint32_t[::1] hashes not None):
    """hashes[i] = fastText's 32-bit hash of data[starts[i]:starts[i + 1]]."""
    cdef int64_t i, k, n = starts.shape[0] - 1
    cdef uint32_t value
    cdef bint fits = hashes.shape[0] == n
    for i in range(n if fits else 0):
        fits = fits and 0 <= starts[i] <= starts[i + 1] <= data.shape[0]
    if not fits:
        raise ValueError("starts do not fit the data")
    with nogil:
        for i in range(n):
            value = WV_HASH_START
            for k in range(starts[i], starts[i + 1]):
                value = wv_hash_step(value, data[k])
            hashes[i] = value


cdef class LineRules:
    """What the entries of a dictionary stand for, and which n-grams are rows.

    codes: int32 per entry: the row of a word, CODE_OF_UNKNOWN (a word without a row),
    CODE_OF_LEFT_OUT, or CODE_OF_LABEL - number of the label.  hashes: uint32 per entry.
    ngram_starts, ngram_buckets: character n-grams of each entry, or None.
    n_buckets: of words' and characters' n-grams; 0: none.  row_of_bucket: int32[n_buckets], row -
    n_words or -1, None: bucket b has row b.  start_rows: buckets without a row become -1 - bucket
    (their start values) in place of being dropped.  ValueError.
    """

    cdef wv_line_rules rules
    cdef readonly int64_t n_entries
    cdef object _keep

    def __init__(
        self, const int32_t[::1] codes not None, const uint32_t[::1] hashes not None, *,
        int64_t n_words, int word_ngrams=1, int64_t n_buckets=0,
        const int32_t[::1] row_of_bucket=None, bint start_rows=False,
        const int64_t[::1] ngram_starts=None, const int32_t[::1] ngram_buckets=None,
    ):
        cdef int64_t i, n = codes.shape[0]
        cdef bint fits = hashes.shape[0] == n and 0 <= n_words and n_words + n_buckets < 2**31
        fits = fits and 0 <= n_buckets and word_ngrams >= 1
        fits = fits and (row_of_bucket is None or row_of_bucket.shape[0] == n_buckets)
        for i in range(n if fits else 0):
            fits = fits and codes[i] < n_words
        if fits and ngram_starts is not None:
            fits = n_buckets > 0 and ngram_starts.shape[0] == n + 1 and ngram_starts[0] == 0
            fits = fits and ngram_starts[n] == ngram_buckets.shape[0]
            for i in range(n if fits else 0):
                fits = fits and ngram_starts[i] <= ngram_starts[i + 1]
            for i in range(ngram_buckets.shape[0] if fits else 0):
                fits = fits and 0 <= ngram_buckets[i] < n_buckets
        if not fits:
            raise ValueError("the rules of lines contradict each other")
        self.n_entries = n
        self.rules.n_words = <int32_t>n_words
        self.rules.word_ngrams = word_ngrams
        self.rules.n_buckets = <uint32_t>n_buckets
        if n_buckets == 1:
            self.rules.reciprocal = <uint64_t>-1
        elif n_buckets:
            self.rules.reciprocal = <uint64_t>((1 << 64) // n_buckets)
        if row_of_bucket is not None and n_buckets:
            self.rules.row_of_bucket = &row_of_bucket[0]
        self.rules.without_row = START_OF_BUCKET if start_rows else DROP_BUCKET
        if n:
            self.rules.codes = &codes[0]
            self.rules.hashes = &hashes[0]
        if ngram_starts is not None:
            self.rules.ngram_starts = &ngram_starts[0]
            self.rules.ngram_buckets = &ngram_buckets[0] if ngram_buckets.shape[0] else NULL
        self._keep = (codes, hashes, row_of_bucket, ngram_starts, ngram_buckets)

    def lines_of_ids(
        self, const int32_t[::1] ids not None, const int64_t[::1] starts not None,
        int64_t first, int64_t end, int32_t[::1] rows not None, int64_t[::1] row_starts not None,
        int32_t[::1] labels not None, int64_t[::1] label_starts not None,
        uint32_t[::1] hashes not None,
    ):
        """Rows and labels of the lines first to end - 1, line i being the entries
        ids[starts[i]:starts[i + 1]]; the number of lines done, fewer when there was no more room.

        row_starts, label_starts: end - first + 1 places at least, filled from 0 on; hashes: room
        for the words of the longest line.
        """
        cdef wv_line_output out
        cdef int64_t i, k, n_done = 0
        cdef bint fits = 0 <= first <= end < starts.shape[0]
        fits = fits and row_starts.shape[0] > end - first < label_starts.shape[0]
        if not fits or starts[first] < 0 or starts[end] > ids.shape[0]:
            raise ValueError(f"lines {first} to {end} of {starts.shape[0] - 1}")
        _point(&out, rows, labels, hashes)
        row_starts[0] = label_starts[0] = 0
        with nogil:
            for i in range(first, end):
                for k in range(starts[i], starts[i + 1]):
                    if ids[k] < 0 or ids[k] >= self.n_entries:
                        with gil:
                            raise ValueError(f"entry {ids[k]} of {self.n_entries}")
                    fits = add_entry(&self.rules, ids[k], &out)
                    if not fits:
                        break
                if not fits or not end_line(&self.rules, &out):
                    break
                n_done += 1
                row_starts[n_done] = out.n_rows
                label_starts[n_done] = out.n_labels
        return n_done


cdef void _point(wv_line_output *out, int32_t[::1] rows, int32_t[::1] labels,
                 uint32_t[::1] hashes):
    out.rows = &rows[0] if rows.shape[0] else NULL
    out.labels = &labels[0] if labels.shape[0] else NULL
    out.hashes = &hashes[0] if hashes.shape[0] else NULL
    out.n_rows = out.n_labels = out.n_hashes = 0
    out.rows_room = rows.shape[0]
    out.labels_room = labels.shape[0]
    out.hashes_room = hashes.shape[0]


cdef class LineReader:
    """Text to rows and labels by a dictionary.

    rules: of the dictionary's entries, words then labels.  data, ends, slots, tags, seed: the
    entries and their index, as a WordList has them.  prefix: of labels; unknown words that begin
    so are no words.  min_n, max_n: characters of the n-grams of unknown words; max_n 0: none.
    """

    cdef LineRules rules
    cdef indexed_words words
    cdef wv_ngram_rules ngrams
    cdef bint has_ngrams
    cdef uint64_t seed
    cdef bytes prefix
    cdef int64_t separator
    cdef uint32_t separator_hash
    cdef object _keep

    def __init__(
        self, LineRules rules not None, const uint8_t[::1] data not None,
        const uint64_t[::1] ends not None, const int32_t[::1] slots not None,
        const uint8_t[::1] tags not None, uint64_t seed, *, int64_t separator, bytes prefix,
        int64_t min_n=0, int64_t max_n=0,
    ):
        cdef uint64_t n_slots = slots.shape[0]
        if rules.n_entries != ends.shape[0] or tags.shape[0] != slots.shape[0]:
            raise ValueError("the rules are those of another dictionary")
        if n_slots == 0 or n_slots & (n_slots - 1) or separator >= rules.n_entries:
            raise ValueError("the index has no power of two of slots")
        self.rules = rules
        self.words.data = &data[0] if data.shape[0] else NULL
        self.words.ends = &ends[0] if ends.shape[0] else NULL
        self.words.n_words = ends.shape[0]
        self.words.n_bytes = data.shape[0]
        self.words.slots = <int32_t *>&slots[0]
        self.words.tags = <uint8_t *>&tags[0]
        self.words.n_slots = n_slots
        self.seed, self.separator, self.prefix = seed, separator, prefix
        self.separator_hash = WV_HASH_START
        for byte in b"</s>":
            self.separator_hash = wv_hash_step(self.separator_hash, byte)
        self.has_ngrams = max_n >= max(min_n, 1) and rules.rules.n_buckets > 0
        if self.has_ngrams:
            self.ngrams.shortest, self.ngrams.longest = max(min_n, 1), max_n
            self.ngrams.n_buckets = rules.rules.n_buckets
            self.ngrams.reciprocal = <uint32_t>min((1 << 32) // rules.rules.n_buckets, 0xFFFFFFFF)
        self._keep = (data, ends, slots, tags)

    def lines_of_text(
        self, const uint8_t[::1] text not None, int64_t begin, int64_t n_bytes, bint ends_text,
        int32_t[::1] rows not None, int64_t[::1] row_starts not None,
        int32_t[::1] labels not None, int64_t[::1] label_starts not None,
        uint32_t[::1] hashes not None,
    ):
        """Rows and labels of the whole lines in text[begin:n_bytes], as many as there is room for.

        fastText's other separators must have become blanks (tokens.blank_controls), and PADDING
        bytes, the first of them a blank, must follow.  `ends_text`: a last line without a newline
        counts, and gets no `</s>`.  Returns (number of lines, where the next one begins, tokens of
        these lines, whether a line did not fit).
        """
        cdef wv_line_output out
        cdef wv_line_ends ends
        cdef wv_lines_found found
        cdef wv_line_reader reader
        cdef const uint8_t[::1] prefix = self.prefix
        if not 0 <= begin <= n_bytes or text.shape[0] < n_bytes + 64 or text[n_bytes] != 32:
            raise ValueError(f"{n_bytes} bytes of text from {begin} on need a blank and padding")
        if n_bytes > MAX_TEXT_BYTES:
            raise ValueError(f"{n_bytes} bytes of text at once; at most {MAX_TEXT_BYTES}")
        if row_starts.shape[0] < 2 or row_starts.shape[0] != label_starts.shape[0]:
            raise ValueError("row_starts and label_starts need places for a line")
        _point(&out, rows, labels, hashes)
        ends.row_starts, ends.label_starts = &row_starts[0], &label_starts[0]
        ends.lines_room = row_starts.shape[0] - 1
        reader.rules, reader.words, reader.seed = &self.rules.rules, &self.words, self.seed
        reader.prefix_bytes = prefix.shape[0]
        reader.prefix = &prefix[0] if prefix.shape[0] else &text[0]
        reader.separator, reader.separator_hash = self.separator, self.separator_hash
        reader.subwords = wv_subword_ops_of(simd.active_level())
        reader.ngrams, reader.scratch = NULL, NULL
        if self.has_ngrams:
            reader.ngrams = &self.ngrams
            reader.scratch = <uint8_t *>malloc(n_bytes - begin + WV_NGRAM_PADDING + 16)
            if reader.scratch == NULL:
                raise MemoryError(f"no memory for a text of {n_bytes - begin} bytes")
        with nogil:
            find_lines(&reader, &text[0], begin, n_bytes, ends_text, &out, &ends, &found)
            free(reader.scratch)
        return found.n_lines, found.next, found.n_tokens, bool(found.is_full)


def number_buckets(const int32_t[::1] rows not None, int64_t n_words,
                   int32_t[::1] row_of_bucket not None, int64_t most=-1):
    """row_of_bucket[b] = 0, 1, 2, ... for each b of a row n_words + b, in the order in which they
    first stand among `rows`, where it was -1; the number of them.

    The n-grams of a line that no line before it has then lie side by side: most of them, in a
    short text.  With `most` it stops when there are more buckets than that.
    """
    cdef int64_t i, bucket, n_buckets = row_of_bucket.shape[0]
    cdef int32_t n_found = 0
    cdef bint fits = True
    with nogil:
        for i in range(rows.shape[0]):
            bucket = rows[i] - n_words
            if bucket >= 0:
                if bucket >= n_buckets:
                    fits = False
                    break
                if row_of_bucket[bucket] < 0:
                    row_of_bucket[bucket] = n_found
                    n_found += 1
                    if most >= 0 and n_found > most:
                        break
    if not fits:
        raise ValueError(f"a row lies beyond {n_words} words and {n_buckets} buckets")
    return n_found


def renumber_buckets(int32_t[::1] rows not None, int64_t n_words,
                     const int32_t[::1] row_of_bucket not None):
    """Row n_words + b becomes n_words + row_of_bucket[b], in place; every bucket among the rows
    must have one."""
    cdef int64_t i, bucket, n_buckets = row_of_bucket.shape[0]
    cdef bint fits = True
    with nogil:
        for i in range(rows.shape[0]):
            bucket = rows[i] - n_words
            if bucket >= 0:
                if bucket >= n_buckets or row_of_bucket[bucket] < 0:
                    fits = False
                    break
                rows[i] = <int32_t>n_words + row_of_bucket[bucket]
    if not fits:
        raise ValueError("a bucket among the rows has no row of its own")
