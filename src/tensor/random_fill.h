// Weights of a network that nobody trained: each value a function of its tensor
// and its place, the same on the CPU and a GPU.
//
// Values are mean + step * k with k uniform in -127..127: with a step that is a
// power of two and a mean of 0, or of 1 with a step of 2^-7, bfloat16 holds them
// exactly, so that it does not matter where they are rounded.
#ifndef QED_TENSOR_RANDOM_FILL_H_
#define QED_TENSOR_RANDOM_FILL_H_

#include <cmath>
#include <cstdint>

#include "base/host_device.h"

namespace qed {

struct RandomFill {
  uint64_t stream = 0;  // tensors differ by it
  float mean = 0;
  float step = 0;
};

// The step, a power of two, with which a product over `columns` values keeps their size, times
// `gain`.
inline float RandomStep(int64_t columns, double gain) {
  constexpr double kDeviation = 73.5;  // of k
  const double step = gain / (kDeviation * std::sqrt(static_cast<double>(columns)));
  return static_cast<float>(std::exp2(std::round(std::log2(step))));
}

// Eight independent bytes: SplitMix64's output function (Steele et al., "Fast
// splittable pseudorandom number generators", OOPSLA 2014) of a counter.
QED_HOST_DEVICE inline uint64_t RandomFillWord(uint64_t stream, uint64_t word) {
  uint64_t z = (stream << 40) + word + 1;
  z *= 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// The value that byte `byte` of a word stands for.
QED_HOST_DEVICE inline float RandomFillValue(const RandomFill& fill, uint64_t word_bits, int byte) {
  int k = static_cast<int>((word_bits >> (8 * byte)) & 255U) - 128;
  if (k == -128) k = 0;
  return fill.mean + fill.step * static_cast<float>(k);
}

// Value `index` of a tensor, row by row.
// REQUIRES: index < 2^43, so that streams do not meet.
QED_HOST_DEVICE inline float RandomFillAt(const RandomFill& fill, uint64_t index) {
  return RandomFillValue(fill, RandomFillWord(fill.stream, index / 8), static_cast<int>(index % 8));
}

}  // namespace qed

#endif  // QED_TENSOR_RANDOM_FILL_H_
