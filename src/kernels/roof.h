// What this machine can do at best, measured: the figures that a benchmark
// prints beside its own.
#ifndef QED_KERNELS_ROOF_H_
#define QED_KERNELS_ROOF_H_

#include "base/status.h"
#include "kernels/op_context.h"

namespace qed {

// Rates of all threads of a pool together. A multiply-add counts as two.
struct Roof {
  double read_bytes_per_second = 0;  // from memory, far beyond the caches
  double int8_ops_per_second = 0;    // the int8 products of Linear's formats
  double f32_ops_per_second = 0;
};

// Takes about half a second and 256 MiB. The best of several rounds: other
// programs on the machine can only make a round slower. kResourceExhausted
// where the memory cannot be had.
Result<Roof> MeasureRoof(OpContext& ctx);

}  // namespace qed

#endif  // QED_KERNELS_ROOF_H_
