// Sums of products in double, for one instruction set: included once by each file that
// is compiled for one. Without fused multiply-adds, so that every processor makes the
// same bits.
#ifndef QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_
#define QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_

#include <cstdint>

#include "kernels/cpu/linear_kernels.h"

namespace qed {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 8, kTokensTogether = 4;
#elif defined(__AVX__)
constexpr int kLanes = 4, kTokensTogether = 3;  // with four, sums would not fit the registers
#else
constexpr int kLanes = 2, kTokensTogether = 1;
#endif
using Doubles = double __attribute__((vector_size(kLanes * sizeof(double))));
constexpr int kParts = kPanelRows / kLanes;  // of a panel's rows

inline Doubles LoadDoubles(const double* from) {
  Doubles loaded;
  __builtin_memcpy(&loaded, from, sizeof(loaded));
  return loaded;
}

// Some tokens at a time, so that their sums stay in registers.
template <int kTokens>
void AddProductsOfTokens(const DoubleBlock& block, int32_t token, double* sums) {
  Doubles acc[kTokens][kParts];
  double* own = sums + token * kPanelRows;
  for (int t = 0; t < kTokens; ++t) {
    for (int p = 0; p < kParts; ++p) acc[t][p] = LoadDoubles(own + t * kPanelRows + p * kLanes);
  }
  const double* x = block.x + token * block.x_stride;
  for (int32_t c = 0; c < block.columns; ++c) {
    const double* weights = block.weights + c * kPanelRows;
    for (int t = 0; t < kTokens; ++t) {
      const double value = x[t * block.x_stride + c];
      for (int p = 0; p < kParts; ++p) acc[t][p] += LoadDoubles(weights + p * kLanes) * value;
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    for (int p = 0; p < kParts; ++p) {
      __builtin_memcpy(own + t * kPanelRows + p * kLanes, &acc[t][p], sizeof(Doubles));
    }
  }
}

inline void AddBlockProducts(const DoubleBlock& block, double* sums) {
  int32_t token = 0;
  for (; token + kTokensTogether <= block.tokens; token += kTokensTogether) {
    AddProductsOfTokens<kTokensTogether>(block, token, sums);
  }
  for (; token < block.tokens; ++token) AddProductsOfTokens<1>(block, token, sums);
}

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_DOUBLE_PRODUCTS_H_
