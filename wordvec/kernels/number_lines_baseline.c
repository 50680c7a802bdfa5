#include "simd_baseline.h"

#include "number_lines_body.h"

#include "simd_end.h"
