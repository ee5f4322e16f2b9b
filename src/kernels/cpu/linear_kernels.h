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

// The product of some panels with some tokens: y[t, r] for each token t and
// row r of the panels.
struct PanelJob {
  const std::byte* panels = nullptr;
  int64_t panel_bytes = 0;
  int32_t rows = 0;  // of the panels; the last panel may be partial
  int32_t k = 0;
  int32_t tokens = 0;
  // Int8 formats: the block of the first token, which begins a group of four.
  const ActivationBlock* blocks = nullptr;
  // F32 and BF16 formats: the first token's row.
  const float* x = nullptr;
  int64_t x_stride = 0;
  // For the first token and row.
  float* y = nullptr;
  int64_t y_stride = 0;
  const float* bias = nullptr;  // of the first row, or none
  bool accumulate = false;
};

// One function per weight format, and the quantizer of one activation row of
// k columns into slot `slot` (0..3) of the blocks of its group of tokens.
struct LinearKernels {
  void (*f32)(const PanelJob&);
  void (*bf16)(const PanelJob&);
  void (*q8_0)(const PanelJob&);
  void (*q4_0)(const PanelJob&);
  void (*q4_1)(const PanelJob&);
  void (*quantize_row)(const float* x, int32_t k, int slot, ActivationBlock* blocks);
};

extern const LinearKernels kPortableLinear;
extern const LinearKernels kAvx2Linear;
extern const LinearKernels kAvx512Linear;
extern const LinearKernels kAvx512Bf16Linear;

// A group whose largest magnitude is below this counts as zeros: its inverse
// scale would overflow.
inline constexpr float kSmallestGroupMaximum = 1e-30F;

}  // namespace qed

#endif  // QED_KERNELS_CPU_LINEAR_KERNELS_H_
