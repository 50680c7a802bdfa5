#include "simd_avx2.h"

#include "subwords_body.h"

#include "simd_end.h"
