#include "simd_avx2.h"

#include "pq_body.h"

#include "simd_end.h"
