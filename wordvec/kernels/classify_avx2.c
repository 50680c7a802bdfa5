#include "simd_avx2.h"

#include "classify_body.h"

#include "simd_end.h"
