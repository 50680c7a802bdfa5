#include "simd_baseline.h"

#include "classify_body.h"

#include "simd_end.h"
