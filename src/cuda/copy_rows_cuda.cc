#include <cuda_runtime_api.h>

#include "cuda/copy_rows.h"
#include "cuda/error.cuh"

namespace qed::cuda {

void CopyRowsOnDevice(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                      size_t row_bytes, size_t rows, StreamHandle stream) {
  QED_CUDA_CHECK(cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, row_bytes, rows,
                                   cudaMemcpyDeviceToDevice, stream));
}

}  // namespace qed::cuda
