// Loops that keep one resource of a core as busy as it can be. As for
// cpu/linear_kernels.h, each file is compiled for its instruction set.
#ifndef QED_KERNELS_CPU_ROOF_KERNELS_H_
#define QED_KERNELS_CPU_ROOF_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace qed {

struct RoofKernels {
  // Reads `bytes` (a multiple of 1024) from `from` on.
  void (*read)(const std::byte* from, size_t bytes);
  // Multiply-adds in registers; the number of operations made.
  double (*int8)(int64_t iterations);
  double (*f32)(int64_t iterations);
};

extern const RoofKernels kPortableRoof;
extern const RoofKernels kAvx2Roof;
extern const RoofKernels kAvx512Roof;

}  // namespace qed

#endif  // QED_KERNELS_CPU_ROOF_KERNELS_H_
