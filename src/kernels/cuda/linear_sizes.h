// For which numbers of rows products on the GPU are set up: pure arithmetic.
//
// A product of T rows is computed as one of PaddedRows(T) rows, so that the
// algorithm for it was chosen, loaded and tried before the first request came.
// Results of the rows beyond T go to memory nobody reads; their inputs may be
// anything, for no row of a product depends on another.
#ifndef QED_KERNELS_CUDA_LINEAR_SIZES_H_
#define QED_KERNELS_CUDA_LINEAR_SIZES_H_

#include <cstdint>
#include <vector>

namespace qed::cuda {

// Up to 8 rows the next power of two, up to 256 the next multiple of 16, beyond
// the next multiple of 128: what tiles of matrix units round to anyway.
// REQUIRES: rows >= 1.
int32_t PaddedRows(int32_t rows);

// Rows that inputs and outputs of products of up to max_rows rows must have room
// for: those of PaddedRows, and at least 16.
int32_t BufferRows(int32_t max_rows);

// All values of PaddedRows for 1..max_rows, ascending.
std::vector<int32_t> PaddedSizes(int32_t max_rows);

// Those of PaddedSizes(max_rows) for which algorithms are timed: each where
// reading the weights takes the time, steps of a half and a third where arithmetic
// does. The last is PaddedRows(max_rows); others take the next larger one's.
std::vector<int32_t> TimedSizes(int32_t max_rows);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_LINEAR_SIZES_H_
