// How the copy engine is told where a matrix lies: cuTensorMapEncodeTiled, a function of
// the driver, found while the program runs. For *.cu and *_cuda.cc only.
#ifndef QED_KERNELS_CUDA_TENSOR_MAP_CUH_
#define QED_KERNELS_CUDA_TENSOR_MAP_CUH_

#include <cuda.h>

#include <cstdint>

namespace qed::cuda {

enum class MatrixValues : uint8_t { kBytes, kBf16 };

// Whether the driver has the function. Asked once.
bool HasMatrixDescriptions();

// Of a row-major matrix [rows, columns] at `data`, a multiple of 16 bytes, whose rows are
// contiguous and multiples of 16 bytes. A copy brings tile_rows rows of 128 bytes, laid with
// the 128-byte swizzle; what lies outside of the matrix comes as zeros.
// REQUIRES: HasMatrixDescriptions(); tile_rows <= 256.
CUtensorMap DescribeMatrix(MatrixValues values, const void* data, int64_t rows, int64_t columns,
                           int tile_rows);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TENSOR_MAP_CUH_
