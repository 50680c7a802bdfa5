#include "simd_avx512.h"

#include "classify_body.h"

#include "simd_end.h"
