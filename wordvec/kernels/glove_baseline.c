#include "simd_baseline.h"

#include "glove_body.h"

#include "simd_end.h"
