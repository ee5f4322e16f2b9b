// Products of a warpgroup (wgmma, compute capability 9.0): d[64, N] += a[64, 32 bytes]
// b[N, 32 bytes]^T, both operands in shared memory, sums in f32. As PTX names them (ISA,
// "wgmma.mma_async").
//
// An operand is rows of 128 bytes as the copy engine lays them with its 128-byte swizzle,
// from an address that is a multiple of 1024 on; a product takes 32 of the 128 bytes.
// Lane l of warp w holds of d, as d[4 j + i], the element
//   (16 w + l / 4 + 8 (i / 2), 8 j + 2 (l % 4) + i % 2).
#ifndef QED_KERNELS_CUDA_WARPGROUP_PRODUCT_CUH_
#define QED_KERNELS_CUDA_WARPGROUP_PRODUCT_CUH_

#include <cstdint>

namespace qed::cuda {

inline constexpr int kGroupThreads = 128;
inline constexpr int kGroupRows = 64;      // of a
inline constexpr int kOperandBytes = 128;  // of a row in shared memory
inline constexpr int kProductBytes = 32;   // of a row that one product takes

// How an operand lies in shared memory: its address, 1024 bytes from 8 rows to the next
// 8, the 128-byte swizzle.
__device__ __forceinline__ uint64_t OperandAt(uint32_t address) {
  constexpr uint64_t kSwizzle128 = uint64_t{1} << 62, kEightRows = uint64_t{1024 >> 4} << 32;
  return kSwizzle128 | kEightRows | uint64_t{1} << 16 | ((address & 0x3FFFFU) >> 4);
}

// Before products that use registers which were written by other instructions.
__device__ __forceinline__ void BeginProducts() {
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}
// Closes a group of products.
__device__ __forceinline__ void EndProducts() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
// Waits for all groups. The sums in `d` may be read then; that the compiler moves none of it
// ahead, `d` tells it.
template <int kValues>
__device__ __forceinline__ void WaitForProducts(float (&d)[kValues]) {
  asm volatile("wgmma.wait_group.sync.aligned 0;\n" ::: "memory");
#pragma unroll
  for (int i = 0; i < kValues; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

// The operands of the instruction: registers of d, then a, b, and whether d is kept.
#define QED_D4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define QED_D16(d, i) QED_D4(d, i), QED_D4(d, i + 4), QED_D4(d, i + 8), QED_D4(d, i + 12)
#define QED_R8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define QED_R16 QED_R8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define QED_R32                                                  \
  QED_R16                                                        \
  ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27" \
  ", %28, %29, %30, %31"
#define QED_PRODUCT(shape, types, registers, a_operand, b_operand, keep_operand, rest, ...)       \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " keep_operand                                   \
               ", 0;\n"                                                                           \
               "wgmma.mma_async.sync.aligned." shape ".f32." types " {" registers "}, " a_operand \
               ", " b_operand ", p, 1, 1" rest ";\n}\n"                                           \
               : __VA_ARGS__                                                                      \
               : "l"(a), "l"(b), "r"(static_cast<int>(keep)))

// d = a b^T, or += where `keep`. Element types: E4M3 and bfloat16.
template <bool kFp8Values>
__device__ __forceinline__ void MultiplyGroup(float (&d)[4], uint64_t a, uint64_t b, bool keep) {
  if constexpr (kFp8Values) {
    QED_PRODUCT("m64n8k32", "e4m3.e4m3", "%0, %1, %2, %3", "%4", "%5", "%6", "", QED_D4(d, 0));
  } else {
    QED_PRODUCT("m64n8k16", "bf16.bf16", "%0, %1, %2, %3", "%4", "%5", "%6", ", 0, 0",
                QED_D4(d, 0));
  }
}

template <bool kFp8Values>
__device__ __forceinline__ void MultiplyGroup(float (&d)[8], uint64_t a, uint64_t b, bool keep) {
  if constexpr (kFp8Values) {
    QED_PRODUCT("m64n16k32", "e4m3.e4m3", QED_R8, "%8", "%9", "%10", "", QED_D4(d, 0),
                QED_D4(d, 4));
  } else {
    QED_PRODUCT("m64n16k16", "bf16.bf16", QED_R8, "%8", "%9", "%10", ", 0, 0", QED_D4(d, 0),
                QED_D4(d, 4));
  }
}

template <bool kFp8Values>
__device__ __forceinline__ void MultiplyGroup(float (&d)[16], uint64_t a, uint64_t b, bool keep) {
  if constexpr (kFp8Values) {
    QED_PRODUCT("m64n32k32", "e4m3.e4m3", QED_R16, "%16", "%17", "%18", "", QED_D16(d, 0));
  } else {
    QED_PRODUCT("m64n32k16", "bf16.bf16", QED_R16, "%16", "%17", "%18", ", 0, 0", QED_D16(d, 0));
  }
}

template <bool kFp8Values>
__device__ __forceinline__ void MultiplyGroup(float (&d)[32], uint64_t a, uint64_t b, bool keep) {
  if constexpr (kFp8Values) {
    QED_PRODUCT("m64n64k32", "e4m3.e4m3", QED_R32, "%32", "%33", "%34", "", QED_D16(d, 0),
                QED_D16(d, 16));
  } else {
    QED_PRODUCT("m64n64k16", "bf16.bf16", QED_R32, "%32", "%33", "%34", ", 0, 0", QED_D16(d, 0),
                QED_D16(d, 16));
  }
}

#undef QED_D4
#undef QED_D16
#undef QED_R8
#undef QED_R16
#undef QED_R32
#undef QED_PRODUCT

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_WARPGROUP_PRODUCT_CUH_
