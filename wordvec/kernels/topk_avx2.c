#include "simd_avx2.h"
#define TOPK_OPS_NAME WV_LEVEL_NAME(wv_topk_ops)

#include "topk_body.h"

#include "simd_end.h"
