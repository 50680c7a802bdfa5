/* Closes what simd_avx2.h or simd_avx512.h opened. */
#if defined(__clang__) && WV_VECTOR_FLOATS > 4
#pragma clang attribute pop
#endif
