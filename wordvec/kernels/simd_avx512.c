#include "simd_avx512.h"

#include "simd_body.h"

#include "simd_end.h"
