#include "simd_avx2.h"

#include "simd_body.h"

#include "simd_end.h"
