// The CPU kernels of one instruction set, as plain functions. Each cpu_kernels_*.cc
// is compiled for its instruction set and fills one table from the same templates.
#ifndef QED_KERNELS_CPU_CPU_KERNELS_H_
#define QED_KERNELS_CPU_CPU_KERNELS_H_

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/op_context.h"
#include "kernels/paged_kv.h"

namespace qed {

struct AttentionArgs {
  PagedKv kv;
  const AttentionPlan* plan;
  const float* q;
  int64_t q_stride;
  int32_t group;  // query heads of one kv head
  float scale;    // of the scores
  float* out;
  int64_t out_stride;
};

// Floats of one row's partial result in AttentionPlan::partials: maximum, sum, and
// the weighted values.
inline int64_t AttentionPartialFloats(int32_t head_dim) { return head_dim + 16; }

// The loops of kernels/code_rows.h.
struct CodeRowKernels {
  float (*largest)(const float* values, int64_t n);
  void (*fp8)(const float* values, int64_t n, float scale, uint8_t* codes);
  void (*int8)(const float* values, int64_t n, float scale, uint8_t* codes);
  void (*fp8_error)(const float* values, const uint8_t* codes, int64_t n, float scale,
                    double* error, double* size);
  void (*int8_error)(const float* values, const uint8_t* codes, int64_t n, float scale,
                     double* error, double* size);
};

struct CpuKernels {
  void (*rms_norm_row)(const float* x, const float* weight, int32_t n, float eps, float* y);
  void (*silu_mul_row)(const float* gate, const float* up, int32_t n, float* y);
  void (*rope_heads)(const float* cosine, const float* sine, int32_t heads, int32_t head_dim,
                     float* x);
  void (*write_kv_row)(const PagedKv& kv, int32_t page, int32_t slot, const float* key,
                       const float* value);
  // A tile, whole: all partitions, merged, into `out`.
  void (*attend_tile)(const AttentionArgs& args, int32_t tile, int32_t kv_head);
  // One partition of a tile, into `partials` [rows, AttentionPartialFloats].
  void (*attend_partition)(const AttentionArgs& args, int32_t tile, int32_t kv_head,
                           int32_t partition, float* partials);
  // Merges what attend_partition left, [partitions, partial_floats], into `out`.
  void (*merge_partitions)(const AttentionArgs& args, int32_t tile, int32_t kv_head,
                           const float* partials);
  CodeRowKernels code_rows;
};

// The table for `isa`, or for the next lesser one that this build has.
const CpuKernels& CpuKernelsFor(Isa isa);

const CpuKernels& PortableCpuKernels();
const CpuKernels& Avx2CpuKernels();
const CpuKernels& Avx512CpuKernels();

}  // namespace qed

#endif  // QED_KERNELS_CPU_CPU_KERNELS_H_
