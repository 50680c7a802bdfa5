/* Switches the compiler to AVX-512 (F, DQ, BW, VL) for the rest of this file: 16 floats a vector. */
#if defined(__clang__)
#pragma clang attribute push(                                                              \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#endif
#define WV_LEVEL_NAME(name) name##_avx512
#define WV_VECTOR_FLOATS 16
