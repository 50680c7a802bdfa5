#include "simd_baseline.h"

#include "pq_body.h"

#include "simd_end.h"
