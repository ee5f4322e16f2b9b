// Two-term int8 activations, where one term is too coarse: x ~ first + second,
// the second term quantizing what the first one left.
#ifndef QED_KERNELS_QUANTIZE_RESIDUAL_H_
#define QED_KERNELS_QUANTIZE_RESIDUAL_H_

#include "kernels/linear.h"
#include "kernels/op_context.h"

namespace qed {

// Quantizes x [K] as row `row` of `first`, and the rest as row `row` of
// `second`; x becomes that rest. A product over both terms (the second
// accumulated) is about as exact as one over 15-bit activations.
void QuantizeRowInTwoTerms(Isa isa, float* x, int32_t row, const QuantizedActivations& first,
                           const QuantizedActivations& second);

}  // namespace qed

#endif  // QED_KERNELS_QUANTIZE_RESIDUAL_H_
