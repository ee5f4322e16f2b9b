// Sums of products in double with AVX2.
#include "kernels/cpu/double_products.h"

namespace qed {

void avx2::AddProducts(const DoubleBlock& block, double* sums) { AddBlockProducts(block, sums); }

}  // namespace qed
