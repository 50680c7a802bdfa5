/* AVX-512 with VNNI (8-bit products) for the rest of this file.  No level of its own: kernels that
 * profit have one more file, used when simd.pyx says so. */
#if defined(__clang__)
#pragma clang attribute push(                                                              \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,avx512vnni"))),     \
    apply_to = function)
#else
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,avx512vnni")
#endif
#define WV_LEVEL_NAME(name) name##_vnni
#define WV_VECTOR_FLOATS 16
#define WV_VNNI 1
