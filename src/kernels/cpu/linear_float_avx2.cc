// F32 and BF16 products with AVX2.
#include "kernels/cpu/avx2_ops.h"
#include "kernels/cpu/float_tiles.h"

namespace qed {

void avx2::LinearF32(const PanelJob& job) { FloatLinear<Avx2Ops, F32>(job); }
void avx2::LinearBF16(const PanelJob& job) { FloatLinear<Avx2Ops, BF16>(job); }

}  // namespace qed
