#include "simd_avx2.h"

#include "glove_body.h"

#include "simd_end.h"
