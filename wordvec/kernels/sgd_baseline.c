#include "simd_baseline.h"

#include "sgd_body.h"

#include "simd_end.h"
