// F32 and BF16 products with AVX-512.
#include "kernels/cpu/avx512_ops.h"
#include "kernels/cpu/float_tiles.h"

namespace qed {

void avx512::LinearF32(const PanelJob& job) { FloatLinear<Avx512Ops, F32>(job); }
void avx512::LinearBF16(const PanelJob& job) { FloatLinear<Avx512Ops, BF16>(job); }

}  // namespace qed
