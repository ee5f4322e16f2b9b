// Values that say themselves whether they have come: the lowest bit of each is the turn of its
// row, 0 and 1 by turns, so that no flag need be written behind them.
#ifndef QED_KERNELS_CUDA_TURN_BITS_CUH_
#define QED_KERNELS_CUDA_TURN_BITS_CUH_

#include <cuda_runtime.h>

#include <cstdint>

namespace qed::cuda {

__device__ __forceinline__ uint32_t WithTurn(float value, uint32_t turn) {
  return (__float_as_uint(value) & ~1U) | turn;
}

__device__ __forceinline__ float WithoutTurn(uint32_t found) {
  return __uint_as_float(found & ~1U);
}

// The turns of values that one has looked at.
class TurnsSeen {
 public:
  __device__ __forceinline__ void Add(const uint4& found) {
    all_ &= found.x & found.y;
    all_ &= found.z & found.w;
    any_ |= found.x | found.y;
    any_ |= found.z | found.w;
  }
  // Whether all of them were `turn`.
  __device__ __forceinline__ bool Are(uint32_t turn) const {
    return ((turn != 0 ? all_ : ~any_) & 1) != 0;
  }

 private:
  uint32_t all_ = ~0U, any_ = 0;
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TURN_BITS_CUH_
