#include "simd_avx512.h"

#include "number_lines_body.h"

#include "simd_end.h"
