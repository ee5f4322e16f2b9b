// The product kernels of each instruction set, chosen at run time.
//
// Files that implement one instruction set are compiled with its flags. They
// must include no header that defines inline functions with external linkage
// beyond this one and the intrinsics: the linker keeps one copy of such a
// function, which might be the copy that older processors cannot run.
#ifndef QED_KERNELS_CPU_LINEAR_KERNELS_H_
#define QED_KERNELS_CPU_LINEAR_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/weight_layout.h"

namespace qed {

// Tokens of a job at most; their activations stay in the second-level cache.
inline constexpr int32_t kMaxJobTokens = 256;

// Up to this many tokens, int8 kernels take panels one by one, straight from the
// packed form; above, they unpack this many panels together.
inline constexpr int32_t kDirectTokens = 8;
inline constexpr int kInt8TilePanels = 3;
// Panels that the float kernels take together.
inline constexpr int kFloatTilePanels = 4;

// The product of some panels with some tokens: y[t, r] for each token t and
// row r of the panels.
struct PanelJob {
  const std::byte* panels = nullptr;
  int64_t panel_bytes = 0;
  int32_t rows = 0;  // of the panels; the last panel may be partial
  int32_t k = 0;
  int32_t tokens = 0;  // 1..kMaxJobTokens
  // Int8 formats: the block of the first token, which begins a group of four.
  const ActivationBlock* blocks = nullptr;
  // All other formats: the first token's row.
  const float* x = nullptr;
  int64_t x_stride = 0;
  // For the first token and row.
  float* y = nullptr;
  int64_t y_stride = 0;
  const float* bias = nullptr;  // of the first row, or none
  bool accumulate = false;
  // Of PackedWeight, for FP8 and int8.
  int32_t scale_columns = 0;
  float input_scale = 0;
};

// Some columns of a panel's weights [columns][16] and of all tokens' activations
// (x_stride apart), as numbers.
struct DoubleBlock {
  const double* weights;
  int32_t columns;
  const double* x;
  int64_t x_stride;
  int32_t tokens;
};

// sums[token][row] += weight * activation, in the order of the columns: the same bits
// on every processor.
using AddProductsFn = void(const DoubleBlock& block, double* sums);

// For each instruction set: one function per weight format, and the quantizer of
// one activation row of k columns into slot `slot` (0..3) of the blocks of its
// group of tokens. avx512bf16 has what differs from avx512.
namespace portable {
void LinearF32(const PanelJob& job);
void LinearBF16(const PanelJob& job);
void LinearQ8_0(const PanelJob& job);
void LinearQ4_0(const PanelJob& job);
void LinearQ4_1(const PanelJob& job);
void QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks);
AddProductsFn AddProducts;
}  // namespace portable

namespace avx2 {
void LinearF32(const PanelJob& job);
void LinearBF16(const PanelJob& job);
void LinearQ8_0(const PanelJob& job);
void LinearQ4_0(const PanelJob& job);
void LinearQ4_1(const PanelJob& job);
void QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks);
AddProductsFn AddProducts;
}  // namespace avx2

namespace avx512 {
void LinearF32(const PanelJob& job);
void LinearBF16(const PanelJob& job);
void LinearQ8_0(const PanelJob& job);
void LinearQ4_0(const PanelJob& job);
void LinearQ4_1(const PanelJob& job);
void QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks);
AddProductsFn AddProducts;
}  // namespace avx512

namespace avx512bf16 {
void LinearBF16(const PanelJob& job);
}  // namespace avx512bf16

// The same on every processor, and exact (cpu/linear_eight_bit.cc). LinearFp8
// brings each token's activations to FP8 first.
void LinearFp8(const PanelJob& job, AddProductsFn* add);
void LinearInt8(const PanelJob& job, AddProductsFn* add);

// Bits of a scale that are cut off, so that `unbias` of ActivationBlock is exact.
inline constexpr uint32_t kScaleCutBits = 3;

// A group whose largest magnitude is below this counts as zeros: its inverse
// scale would overflow.
inline constexpr float kSmallestGroupMaximum = 1e-30F;

}  // namespace qed

#endif  // QED_KERNELS_CPU_LINEAR_KERNELS_H_
