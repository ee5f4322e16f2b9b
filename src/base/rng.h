// Counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of
// (seed, stream, counter), so a sample draws the same numbers whatever runs
// beside it, on any device.
#ifndef QED_BASE_RNG_H_
#define QED_BASE_RNG_H_

#include <array>
#include <cstdint>

#include "base/host_device.h"

namespace qed {

struct PhiloxWords {
  uint32_t words[4];
};

// Four 32-bit words for key (seed) and counter (stream, position).
QED_HOST_DEVICE inline PhiloxWords PhiloxBlock(uint64_t seed, uint64_t stream, uint64_t position) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53U, kMultiplier1 = 0xCD9E8D57U;
  constexpr uint32_t kWeyl0 = 0x9E3779B9U, kWeyl1 = 0xBB67AE85U;
  constexpr int kRounds = 10;
  auto key0 = static_cast<uint32_t>(seed);
  auto key1 = static_cast<uint32_t>(seed >> 32);
  PhiloxWords c = {{static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32),
                    static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)}};
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * c.words[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * c.words[2];
    c = {{static_cast<uint32_t>(product1 >> 32) ^ c.words[1] ^ key0,
          static_cast<uint32_t>(product1),
          static_cast<uint32_t>(product0 >> 32) ^ c.words[3] ^ key1,
          static_cast<uint32_t>(product0)}};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return c;
}

std::array<uint32_t, 4> Philox4x32(uint64_t seed, uint64_t stream, uint64_t position);

// Uniform in [0, 1) with 24 bits.
float UniformFloat(uint64_t seed, uint64_t stream, uint64_t position);

// Uniform in [0, 1) with 53 bits.
QED_HOST_DEVICE inline double UniformDouble(uint64_t seed, uint64_t stream, uint64_t position) {
  const PhiloxWords c = PhiloxBlock(seed, stream, position);
  const uint64_t bits = (uint64_t{c.words[0]} << 32) | c.words[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace qed

#endif  // QED_BASE_RNG_H_
