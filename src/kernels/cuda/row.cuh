// What the kernels that work row by row share: vectors of values in registers,
// sums and maxima over a block, and the store of a row in either form.
#ifndef QED_KERNELS_CUDA_ROW_CUH_
#define QED_KERNELS_CUDA_ROW_CUH_

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "kernels/cuda/types.h"
#include "tensor/eight_bit.h"

namespace qed::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffU;

// Four values: 16 bytes of f32, 8 of bfloat16, 4 of FP8.
struct Four {
  float v[4];
};

__device__ __forceinline__ Four LoadFour(const float* p) {
  const float4 raw = *reinterpret_cast<const float4*>(p);
  return {{raw.x, raw.y, raw.z, raw.w}};
}

__device__ __forceinline__ float2 UnpackBf16(uint32_t bits) {
  // The upper half of a float's bits is its bfloat16.
  return {__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000U)};
}

__device__ __forceinline__ uint32_t PackBf16(float low, float high) {
  const __nv_bfloat162 packed = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&packed);
}

__device__ __forceinline__ Four UnpackFour(uint2 raw) {
  const float2 a = UnpackBf16(raw.x), b = UnpackBf16(raw.y);
  return {{a.x, a.y, b.x, b.y}};
}

__device__ __forceinline__ Four LoadFour(const BFloat16* p) {
  return UnpackFour(*reinterpret_cast<const uint2*>(p));
}

__device__ __forceinline__ void StoreFour(float* p, const Four& f) {
  *reinterpret_cast<float4*>(p) = make_float4(f.v[0], f.v[1], f.v[2], f.v[3]);
}

__device__ __forceinline__ void StoreFour(BFloat16* p, const Four& f) {
  *reinterpret_cast<uint2*>(p) = make_uint2(PackBf16(f.v[0], f.v[1]), PackBf16(f.v[2], f.v[3]));
}

// Rounds to nearest even and saturates, as FloatToFp8 (tensor/eight_bit.h).
__device__ __forceinline__ void StoreFour(Fp8* p, const Four& f) {
  const __nv_fp8x2_storage_t low =
      __nv_cvt_float2_to_fp8x2(make_float2(f.v[0], f.v[1]), __NV_SATFINITE, __NV_E4M3);
  const __nv_fp8x2_storage_t high =
      __nv_cvt_float2_to_fp8x2(make_float2(f.v[2], f.v[3]), __NV_SATFINITE, __NV_E4M3);
  *reinterpret_cast<uint32_t*>(p) = low | static_cast<uint32_t>(high) << 16;
}

// What four elements of row `t` of a product, from column `n` on, stand for.
__device__ __forceinline__ Four Finish(Four f, const Product& product, int64_t t, int n) {
  if (product.column_scales != nullptr) {
    const float row = product.row_scales == nullptr ? 1.0F : product.row_scales[t];
    const Four column = LoadFour(product.column_scales + n);
#pragma unroll
    for (int i = 0; i < 4; ++i) f.v[i] *= row * column.v[i];
  }
  if (product.bias != nullptr) {
    const Four bias = LoadFour(product.bias + n);
#pragma unroll
    for (int i = 0; i < 4; ++i) f.v[i] += bias.v[i];
  }
  return f;
}

__device__ __forceinline__ Four LoadProduct(const Product& product, int64_t width, int64_t t,
                                            int n) {
  return Finish(LoadFour(product.data + t * width + n), product, t, n);
}

// The exponential of a very negative gate is infinite, and the quotient 0 as wanted.
__device__ __forceinline__ float Silu(float x) { return __fdividef(x, 1.0F + __expf(-x)); }

// The largest magnitude of `found` and the four; NaN where one is NaN.
__device__ __forceinline__ float LargestWith(float found, const Four& f) {
#pragma unroll
  for (int j = 0; j < 4; ++j) found = LargerMagnitude(found, f.v[j]);
  return found;
}

__device__ __forceinline__ float WarpSum(float value) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, step);
  }
  return value;
}

__device__ __forceinline__ float WarpLargest(float value) {
  // Magnitudes have the order of their bits, NaN above all, as in LargerMagnitude.
  return __uint_as_float(__reduce_max_sync(kAllLanes, __float_as_uint(value) & 0x7fffffffU));
}

// Over all threads of the block, given to each of them. The block is whole warps;
// `scratch` holds kWarp values in shared memory, whatever they were before.
template <typename Value, typename WarpReduce, typename Combine>
__device__ __forceinline__ Value BlockReduce(Value value, Value* scratch, WarpReduce warp_reduce,
                                             Combine combine) {
  value = warp_reduce(value);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  __syncthreads();  // A reduction before this one may still read `scratch`.
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  __syncthreads();
  // Each thread combines the warps' results in the same order: one barrier less
  // than handing round the result of one.
  Value all = scratch[0];
  for (int w = 1; w < warps; ++w) all = combine(all, scratch[w]);
  return all;
}

// Each of the values becomes that of largest magnitude over all threads of the block.
// `scratch` in shared memory, of kWarp elements, is used for nothing else.
template <int kValues>
__device__ __forceinline__ void BlockLargest(float (&values)[kValues], float (*scratch)[kValues]) {
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
#pragma unroll
  for (int i = 0; i < kValues; ++i) {
    values[i] = WarpLargest(values[i]);
    if (lane == 0) scratch[warp][i] = values[i];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kValues; ++i) {
    values[i] = WarpLargest(lane < blockDim.x / kWarp ? scratch[lane][i] : 0.0F);
  }
}

// The same of one value; `scratch` may have been used before.
__device__ __forceinline__ float BlockLargest(float value, float* scratch) {
  __syncthreads();
  float values[] = {value};
  BlockLargest(values, reinterpret_cast<float(*)[1]>(scratch));
  return values[0];
}

// Most threads of a block whose threads hold so many vectors (row_launch.cuh).
template <int kVectors>
inline constexpr int kMaxRowThreads = kVectors <= 2 ? 512 : 1024;

// The columns [first, end) of a row: what a block takes of it.
struct RowPart {
  int first, end;
};

// Where vector i of this thread lies in its block's part of a row.
__device__ __forceinline__ int ColumnOf(const RowPart& part, int i) {
  return part.first + 4 * static_cast<int>(threadIdx.x + static_cast<unsigned>(i) * blockDim.x);
}

// Whether a row's scale is that of its own largest value.
__device__ __forceinline__ bool FindsScale(const Activations& out) {
  return out.format == ActivationFormat::kFp8 && out.static_scale == nullptr;
}

// Writes the block's part of row `t` of `width` values, vector i of a thread from
// ColumnOf(part, i) on. `largest` gives every thread the value of largest magnitude
// that a thread of the row has; all of them must call StoreRow.
template <int kVectors, typename Largest>
__device__ __forceinline__ void StoreRow(const Four (&row)[kVectors], const RowPart& part,
                                         int width, int64_t t, const Activations& out,
                                         Largest largest) {
  EightBitScale scale = {1.0F, 1.0F};
  if (out.format == ActivationFormat::kFp8) {
    if (!FindsScale(out)) {
      scale = {*out.static_scale, 1.0F / *out.static_scale};
    } else {
      float own = 0;
#pragma unroll
      for (int i = 0; i < kVectors; ++i) {
        if (ColumnOf(part, i) < part.end) own = LargestWith(own, row[i]);
      }
      scale = ScaleFor(largest(own), kFp8Largest);
    }
    if (threadIdx.x == 0 && part.first == 0) out.scales[t] = scale.scale;
  }
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    if (out.format == ActivationFormat::kFp8) {
      Four scaled = row[i];
#pragma unroll
      for (int j = 0; j < 4; ++j) scaled.v[j] *= scale.inverse;
      StoreFour(out.fp8 + t * width + column, scaled);
    } else {
      StoreFour(out.bf16 + t * width + column, row[i]);
    }
  }
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ROW_CUH_
