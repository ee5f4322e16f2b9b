#include "kernels/rope.h"

#include <cmath>

#include "base/check.h"
#include "kernels/cpu/cpu_kernels.h"

namespace qed {

void RopeAngles(int32_t position, std::span<const double> frequencies, float factor, float* cosine,
                float* sine) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double angle = position * frequencies[i];
    cosine[i] = factor * static_cast<float>(std::cos(angle));
    sine[i] = factor * static_cast<float>(std::sin(angle));
  }
}

void RopeHeads(Isa isa, const float* cosine, const float* sine, int32_t heads, int32_t head_dim,
               float* x) {
  QED_CHECK_EQ(head_dim % 2, 0);
  CpuKernelsFor(isa).rope_heads(cosine, sine, heads, head_dim, x);
}

}  // namespace qed
