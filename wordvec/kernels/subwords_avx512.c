#include "simd_avx512.h"

#include "subwords_body.h"

#include "simd_end.h"
