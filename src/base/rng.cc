#include "base/rng.h"

namespace qed {

std::array<uint32_t, 4> Philox4x32(uint64_t seed, uint64_t stream, uint64_t position) {
  const PhiloxWords c = PhiloxBlock(seed, stream, position);
  return {c.words[0], c.words[1], c.words[2], c.words[3]};
}

float UniformFloat(uint64_t seed, uint64_t stream, uint64_t position) {
  return static_cast<float>(PhiloxBlock(seed, stream, position).words[0] >> 8) * 0x1p-24f;
}

}  // namespace qed
