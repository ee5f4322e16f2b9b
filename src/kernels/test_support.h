// What the kernel tests share: the instruction sets to try, and random rows.
#ifndef QED_KERNELS_TEST_SUPPORT_H_
#define QED_KERNELS_TEST_SUPPORT_H_

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/op_context.h"

namespace qed {

inline constexpr Isa kIsas[] = {Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16};

// Every instruction set that this processor can run.
inline std::vector<Isa> TestableIsas() {
  std::vector<Isa> isas;
  for (Isa isa : kIsas) {
    if (isa <= DetectIsa()) isas.push_back(isa);
  }
  return isas;
}

// `count` normal values from a fixed seed.
inline std::vector<float> RandomFloats(size_t count, uint32_t seed, float deviation = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& v : values) v = normal(generator);
  return values;
}

}  // namespace qed

#endif  // QED_KERNELS_TEST_SUPPORT_H_
