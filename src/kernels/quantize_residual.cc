#include "kernels/quantize_residual.h"

#include "kernels/weight_layout.h"

namespace qed {

void QuantizeRowInTwoTerms(Isa isa, float* x, int32_t row, const QuantizedActivations& first,
                           const QuantizedActivations& second) {
  QuantizeActivationRow(isa, x, row, first);
  const int32_t groups = first.k / kGroupColumns;
  const int token = row % ActivationBlock::kTokens;
  const ActivationBlock* block = first.blocks + int64_t{row / ActivationBlock::kTokens} * groups;
  for (int32_t g = 0; g < groups; ++g, ++block) {
    const float scale = block->scale[token];
    for (int c = 0; c < kGroupColumns; ++c) {
      x[g * kGroupColumns + c] -= scale * static_cast<float>(block->q[token][c]);
    }
  }
  QuantizeActivationRow(isa, x, row, second);
}

}  // namespace qed
