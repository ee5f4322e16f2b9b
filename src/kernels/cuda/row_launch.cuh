// How many threads take a row, and how many vectors of four values each of them.
#ifndef QED_KERNELS_CUDA_ROW_LAUNCH_CUH_
#define QED_KERNELS_CUDA_ROW_LAUNCH_CUH_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/check.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/row.cuh"

namespace qed::cuda {

// Calls launch(std::integral_constant<int, vectors>, grid, block) with a block for
// each row. Few threads with several vectors each keep more loads in flight and
// wait less at barriers than many threads with one.
template <typename LaunchFn>
void LaunchForRows(int32_t rows, int32_t width, LaunchFn&& launch) {
  QED_CHECK(width > 0 && width % 4 == 0 && width <= kMaxRowWidth) << width;
  const int fours = width / 4;
  const int vectors = fours <= 512 ? 1 : fours <= 1024 ? 2 : fours <= 4096 ? 4 : 8;
  static_assert(kMaxRowThreads<1> == 512 && kMaxRowThreads<2> == 512 && kMaxRowThreads<8> == 1024);
  const int threads = (fours + vectors - 1) / vectors;
  const dim3 grid(static_cast<unsigned>(rows));
  const dim3 block(static_cast<unsigned>((threads + kWarp - 1) / kWarp * kWarp));
  switch (vectors) {
    case 1:
      return launch(std::integral_constant<int, 1>(), grid, block);
    case 2:
      return launch(std::integral_constant<int, 2>(), grid, block);
    case 4:
      return launch(std::integral_constant<int, 4>(), grid, block);
    default:
      return launch(std::integral_constant<int, 8>(), grid, block);
  }
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ROW_LAUNCH_CUH_
