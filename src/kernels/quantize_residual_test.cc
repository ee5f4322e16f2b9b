#include "kernels/quantize_residual.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "kernels/weight_layout.h"
#include "tensor/aligned_buffer.h"

namespace qed {
namespace {

float Value(const QuantizedActivations& a, int row, int column) {
  const int token = row % ActivationBlock::kTokens;
  const ActivationBlock& block =
      a.blocks[row / ActivationBlock::kTokens * (a.k / kGroupColumns) + column / kGroupColumns];
  return block.scale[token] * static_cast<float>(block.q[token][column % kGroupColumns]);
}

TEST(QuantizeResidualTest, TwoTermsAreAHundredTimesFiner) {
  const int rows = 6, k = 96;
  for (Isa isa : TestableIsas()) {
    auto memory_a = AlignedBuffer::Allocate(QuantizedActivationsBytes(rows, k)).value();
    auto memory_b = AlignedBuffer::Allocate(QuantizedActivationsBytes(rows, k)).value();
    const QuantizedActivations a = LayQuantizedActivations(rows, k, memory_a.data());
    const QuantizedActivations b = LayQuantizedActivations(rows, k, memory_b.data());
    for (int row = 0; row < rows; ++row) {
      const std::vector<float> x = RandomFloats(k, row);
      std::vector<float> rest = x;
      QuantizeRowInTwoTerms(isa, rest.data(), row, a, b);
      for (int c = 0; c < k; ++c) {
        EXPECT_LT(std::abs(x[c] - Value(a, row, c)), 4.0f / 127);
        EXPECT_LT(std::abs(x[c] - Value(a, row, c) - Value(b, row, c)), 4.0f / 127 / 200);
      }
    }
  }
}

}  // namespace
}  // namespace qed
