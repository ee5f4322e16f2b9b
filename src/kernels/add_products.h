// Sums of products in double: the inner loop of whatever must not depend on the processor.
#ifndef QED_KERNELS_ADD_PRODUCTS_H_
#define QED_KERNELS_ADD_PRODUCTS_H_

#include "kernels/cpu/linear_kernels.h"
#include "kernels/op_context.h"

namespace qed {

// sums[token][16] += weights [columns][16] * x [token][columns], column by column, each product
// rounded before it is added: the same bits on every processor. `sums` is 16 doubles a token.
void AddProducts(Isa isa, const DoubleBlock& block, double* sums);

}  // namespace qed

#endif  // QED_KERNELS_ADD_PRODUCTS_H_
