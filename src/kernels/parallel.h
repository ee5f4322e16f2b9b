// Parallel loops that know when they are too small to be worth one.
#ifndef QED_KERNELS_PARALLEL_H_
#define QED_KERNELS_PARALLEL_H_

#include <cstdint>

#include "kernels/op_context.h"

namespace qed {

// Below this many multiply-adds (about ten microseconds of one core) waking
// other threads and waiting for them costs more than they help.
inline constexpr int64_t kSerialWork = 200'000;

// Calls fn(i) for i in [0, count): on the pool, or here where `work`, the whole
// loop's multiply-adds, is small.
template <typename Fn>
void ParallelForWork(OpContext& ctx, int64_t count, int64_t work, Fn&& fn) {
  if (count < 2 || work < kSerialWork || ctx.pool->size() == 1) {
    for (int64_t i = 0; i < count; ++i) fn(i);
  } else {
    ctx.pool->ParallelFor(count, fn);
  }
}

}  // namespace qed

#endif  // QED_KERNELS_PARALLEL_H_
