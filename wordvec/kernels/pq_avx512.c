#include "simd_avx512.h"

#include "pq_body.h"

#include "simd_end.h"
