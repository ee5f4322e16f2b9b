// Counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of
// (seed, stream, counter), so a sample draws the same numbers whatever runs
// beside it, on any device.
#ifndef QED_BASE_RNG_H_
#define QED_BASE_RNG_H_

#include <array>
#include <cstdint>

namespace qed {

// Four 32-bit words for key (seed) and counter (stream, position).
std::array<uint32_t, 4> Philox4x32(uint64_t seed, uint64_t stream, uint64_t position);

// Uniform in [0, 1) with 24 bits.
float UniformFloat(uint64_t seed, uint64_t stream, uint64_t position);

}  // namespace qed

#endif  // QED_BASE_RNG_H_
