// Sums of products in double with AVX-512.
#include "kernels/cpu/double_products.h"

namespace qed {

void avx512::AddProducts(const DoubleBlock& block, double* sums) { AddBlockProducts(block, sums); }

}  // namespace qed
