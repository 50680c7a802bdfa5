#include "simd_avx2.h"

#include "sgd_body.h"

#include "simd_end.h"
