#include "simd_avx2.h"

#include "number_lines_body.h"

#include "simd_end.h"
