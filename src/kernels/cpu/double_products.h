// Sums of products in double, for one instruction set: included once by each file that
// is compiled for one. Without fused multiply-adds, so that every processor makes the
// same bits.
#ifndef QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_
#define QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_

#include <cstdint>

#include "kernels/cpu/linear_kernels.h"

namespace qed {
namespace {

// Some tokens at a time, so that their sums stay in registers.
template <int kTokens>
void AddProductsOfTokens(const DoubleBlock& block, int32_t token, double* sums) {
  double acc[kTokens][kPanelRows];
  for (int t = 0; t < kTokens; ++t) {
    for (int r = 0; r < kPanelRows; ++r) acc[t][r] = sums[(token + t) * kPanelRows + r];
  }
  const double* x = block.x + token * block.x_stride;
  for (int32_t c = 0; c < block.columns; ++c) {
    const double* weights = block.weights + c * kPanelRows;
    for (int t = 0; t < kTokens; ++t) {
      const double value = x[t * block.x_stride + c];
      for (int r = 0; r < kPanelRows; ++r) acc[t][r] += weights[r] * value;
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    for (int r = 0; r < kPanelRows; ++r) sums[(token + t) * kPanelRows + r] = acc[t][r];
  }
}

inline void AddBlockProducts(const DoubleBlock& block, double* sums) {
  constexpr int kTogether = 4;
  int32_t token = 0;
  for (; token + kTogether <= block.tokens; token += kTogether) {
    AddProductsOfTokens<kTogether>(block, token, sums);
  }
  for (; token < block.tokens; ++token) AddProductsOfTokens<1>(block, token, sums);
}

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_
