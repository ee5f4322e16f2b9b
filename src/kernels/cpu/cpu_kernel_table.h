// The table of one instruction set out of the templates.
#ifndef QED_KERNELS_CPU_CPU_KERNEL_TABLE_H_
#define QED_KERNELS_CPU_CPU_KERNEL_TABLE_H_

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/code_row_kernels.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/row_kernels.h"

namespace qed {

template <class V>
constexpr CpuKernels MakeCpuKernels() {
  return {
      .rms_norm_row = RmsNormRowKernel<V>,
      .silu_mul_row = SiluMulRowKernel<V>,
      .rope_heads = RopeHeadsKernel<V>,
      .write_kv_row = WriteKvRowKernel<V>,
      .attend_tile = AttendTileKernel<V>,
      .attend_partition = AttendPartitionKernel<V>,
      .merge_partitions = MergePartitionsKernel<V>,
      .code_rows = kCodeRowKernels,
  };
}

}  // namespace qed

#endif  // QED_KERNELS_CPU_CPU_KERNEL_TABLE_H_
