/* The baseline of the architecture (SSE2 on x86-64, NEON on aarch64): 4 floats a vector. */
#define WV_LEVEL_NAME(name) name##_baseline
#define WV_VECTOR_FLOATS 4
