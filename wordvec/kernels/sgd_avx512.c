#include "simd_avx512.h"

#include "sgd_body.h"

#include "simd_end.h"
