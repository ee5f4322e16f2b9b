#include <cuda_runtime_api.h>

#include "base/check.h"
#include "kernels/cuda/tensor_map.cuh"

namespace qed::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// Null where the driver lacks it.
Encode FindEncode() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  constexpr unsigned kSince = 12000;  // CUDA 12.0
  const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found,
                                                             kSince, cudaEnableDefault, &result);
  if (error != cudaSuccess || result != cudaDriverEntryPointSuccess) {
    cudaGetLastError();  // Not sticky: the next call must not see it again.
    return nullptr;
  }
  return reinterpret_cast<Encode>(found);
}

Encode TheEncode() {
  static const Encode encode = FindEncode();
  return encode;
}

}  // namespace

bool HasMatrixDescriptions() { return TheEncode() != nullptr; }

CUtensorMap DescribeMatrix(MatrixValues values, const void* data, int64_t rows, int64_t columns,
                           int tile_rows) {
  constexpr cuuint32_t kRowBytes = 128;
  const cuuint32_t value_bytes = values == MatrixValues::kBf16 ? 2 : 1;
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(columns) * value_bytes};
  const cuuint32_t tile[] = {kRowBytes / value_bytes, static_cast<cuuint32_t>(tile_rows)};
  const cuuint32_t steps[] = {1, 1};
  CUtensorMap map;
  const CUresult result =
      TheEncode()(&map,
                  values == MatrixValues::kBf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                                : CU_TENSOR_MAP_DATA_TYPE_UINT8,
                  2, const_cast<void*>(data), sizes, strides, tile, steps,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  QED_CHECK(result == CUDA_SUCCESS)
      << "cuTensorMapEncodeTiled: " << result << " for [" << rows << ", " << columns << "]";
  return map;
}

}  // namespace qed::cuda
