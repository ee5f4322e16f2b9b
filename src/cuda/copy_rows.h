// Copies of parts of rows.
#ifndef QED_CUDA_COPY_ROWS_H_
#define QED_CUDA_COPY_ROWS_H_

#include <cstddef>

#include "cuda/stream.h"

namespace qed::cuda {

// `rows` rows of `row_bytes`, which lie so many bytes apart there and here. As CopyOnDevice.
void CopyRowsOnDevice(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                      size_t row_bytes, size_t rows, StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_CUDA_COPY_ROWS_H_
