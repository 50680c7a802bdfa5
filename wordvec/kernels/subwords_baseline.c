#include "simd_baseline.h"

#include "subwords_body.h"

#include "simd_end.h"
