/* Switches the compiler to AVX2 + FMA for the rest of this file: 8 floats a vector. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define WV_LEVEL_NAME(name) name##_avx2
#define WV_VECTOR_FLOATS 8
