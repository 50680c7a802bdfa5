#include "simd_avx512.h"

#include "glove_body.h"

#include "simd_end.h"
