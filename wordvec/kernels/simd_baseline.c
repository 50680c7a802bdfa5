#include "simd_baseline.h"

#include "simd_body.h"

#include "simd_end.h"
