/* Packing rows to 8-bit codes, and the scan of them.
 *
 * With row = x + e, query = y + f (x and y from the codes, |e| and |f| measured when packing):
 *   |row.query - x.y| = |e.query + x.f| <= |e| |query| + |x| |f| <= |e| + longest * |f|
 * by Cauchy-Schwarz, as the query has length 1.  The first term is stored per row (errors), the
 * second is one number per query (margins).  x.y is exact up to its conversion to float.
 */
#if VN == 16 && defined(WV_VNNI)
enum { PLANE_QUERY_LIMIT = WV_PLANE_LIMIT };
#elif VN == 4
enum { PLANE_QUERY_LIMIT = WV_PLANE_LIMIT };
#else
enum { PLANE_QUERY_LIMIT = WV_NARROW_LIMIT };
#endif

/* One row of length 1, padded to 16 floats, to codes; its scale and an upper bound of |e|. */
static void pack_row(const float *unit, int64_t padded, uint8_t *codes, float *scale, float *error)
{
    VF largest_parts = v_zero(), rest_parts = v_zero();
    for (int64_t k = 0; k < padded; k += VN)
        largest_parts = v_max(largest_parts, v_abs(v_load(unit + k)));
    float largest = 0, rest = 0;
    for (int lane = 0; lane < VN; lane++)
        largest = largest_parts[lane] > largest ? largest_parts[lane] : largest;
    *scale = largest / WV_PLANE_LIMIT;
    /* Below 1e-30 all is zero: a row of length 1 has a number of at least 1 / sqrt(dim). */
    float factor = largest > 1e-30f ? WV_PLANE_LIMIT / largest : 0;
    for (int64_t k = 0; k < padded; k += VN) {
        VF numbers = v_load(unit + k);
        VI whole = v_round(numbers * v_set(factor));
        VF missed = numbers - __builtin_convertvector(whole, VF) * v_set(*scale);
        rest_parts = v_fma(missed, missed, rest_parts);
        int32_t stored[VN] __attribute__((aligned(64)));
        *(VI *)stored = whole + v_set_int(WV_PLANE_SHIFT);
        for (int i = 0; i < VN; i++)
            codes[k + i] = (uint8_t)stored[i];
    }
    for (int lane = 0; lane < VN; lane++)
        rest += rest_parts[lane];
    *error = sqrtf(rest) * (1 + 3e-4f) + 1e-7f;
}

static void pack_plane(const wv_rows *rows, int64_t first, int64_t last, uint8_t *codes,
                       float *scales, float *errors, float *scratch)
{
    int64_t dim = rows->dim, padded = wv_padded_dim(dim), n_quads = (dim + 3) / 4;
    uint8_t *row_codes = (uint8_t *)(scratch + padded);
    for (int64_t row = first; row < last; row++) {
        uint32_t *out = (uint32_t *)(codes + row / WV_PLANE_ROWS * WV_PLANE_ROWS * 4 * n_quads);
        unit_row(rows, row, scratch);
        pack_row(scratch, padded, row_codes, scales + row, errors + row);
        if (row >= rows->n_rows || !wv_in_scan(rows->norms[row])) {
            scales[row] = 0;
            errors[row] = -INFINITY;
        }
        out += row % WV_PLANE_ROWS;
        for (int64_t quad = 0; quad < n_quads; quad++)
            memcpy(out + quad * WV_PLANE_ROWS, row_codes + 4 * quad, 4);
    }
}

WV_INLINE void plane_tile(wv_scan *scan, int64_t query, const int n, int64_t row, int64_t apart)
{
    const wv_queries *queries = scan->queries;
    const wv_plane *plane = scan->plane;
    enum { QUAD_BYTES = 4 * WV_PLANE_ROWS };
    int64_t n_quads = plane->n_quads, block_bytes = n_quads * QUAD_BYTES;
    const int8_t *codes = queries->codes + query * 4 * n_quads;
    const uint8_t *parts[TILE_VECTORS];
    VI sums[TQ][TILE_VECTORS];
    VF estimates[TQ][TILE_VECTORS];
    WV_UNROLL
    for (int v = 0; v < TILE_VECTORS; v++) {
        int64_t at = row + v * apart;
        parts[v] = plane->codes + at / WV_PLANE_ROWS * block_bytes + at % WV_PLANE_ROWS * 4;
        WV_UNROLL
        for (int q = 0; q < n; q++)
            sums[q][v] = v_set_int(queries->starts[query + q]);
    }
    for (int64_t quad = 0; quad < n_quads; quad++) {
        VI bytes[TILE_VECTORS];
        WV_UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            const uint8_t *at = parts[v] + quad * QUAD_BYTES;
            bytes[v] = v_load_bytes(at);
        }
        WV_UNROLL
        for (int q = 0; q < n; q++) {
            int32_t four;
            memcpy(&four, codes + (q * n_quads + quad) * 4, 4);
            VI numbers = v_set_int(four);
            WV_UNROLL
            for (int v = 0; v < TILE_VECTORS; v++)
                sums[q][v] = v_add_byte_products(sums[q][v], bytes[v], numbers);
        }
    }
    WV_UNROLL
    for (int v = 0; v < TILE_VECTORS; v++) {
        VF scales = v_load_unaligned(plane->scales + row + v * apart);
        VF errors = v_load_unaligned(plane->errors + row + v * apart);
        WV_UNROLL
        for (int q = 0; q < n; q++)
            estimates[q][v] = v_fma(__builtin_convertvector(sums[q][v], VF) * scales,
                                    v_set(queries->scales[query + q]), errors);
    }
    offer_tile(scan, query, n, row, apart, estimates, plane->errors, queries->margins,
               WV_PLANE_SLACK);
}

static void scan_plane(wv_scan *scan, int64_t first, int64_t last)
{
    int64_t n_queries = scan->queries->n;
    /* Where a vector is a block, codes are read in TILE_VECTORS streams, see scan_row_groups; both
     * limits and the rows that codes are there for are multiples of WV_MOST_TILE_ROWS.  Else a
     * tile is a block, or part of it. */
    enum { STEP = WV_MOST_TILE_ROWS, IN_STREAMS = VN == WV_PLANE_ROWS };
    const int64_t part = (last - first + STEP - 1) / STEP * (STEP / TILE_VECTORS);
    const int64_t apart = IN_STREAMS ? part : VN, end = IN_STREAMS ? first + part : last;
    for (int64_t row = first; row < end && !scan->failed; row += IN_STREAMS ? VN : TILE_ROWS)
        for (int64_t query = 0; query < n_queries;) {
            int n = tile_queries(n_queries - query);
            WITH_CONSTANT_N(plane_tile, n, (scan, query), (row, apart))
            query += n;
        }
}
