// What a warp gives to the tensor cores and gets from them, as PTX names it (ISA,
// "mma.m16n8k16" and "ldmatrix"). Lane l holds, of an operand's 8 x 8 parts, the elements
// (l / 4, 2 (l % 4)) and the one after it.
#ifndef QED_KERNELS_CUDA_TENSOR_CORE_CUH_
#define QED_KERNELS_CUDA_TENSOR_CORE_CUH_

#include <cstdint>

namespace qed::cuda {

// d[16, 8] += a[16, 16] b[16, 8]: bf16 in pairs, sums in f32.
__device__ __forceinline__ void MultiplyTile(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
      "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lane l gives the address of
// row l % 8 of matrix l / 8.
__device__ __forceinline__ void LoadMatrices(uint32_t from, uint32_t (&m)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(from)
               : "memory");
}

// The same of their transposes.
__device__ __forceinline__ void LoadTransposed(uint32_t from, uint32_t (&m)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(from)
               : "memory");
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TENSOR_CORE_CUH_
