// How fast the device reads its memory: the floor that measured steps stand beside.
#ifndef QED_KERNELS_CUDA_READ_RATE_H_
#define QED_KERNELS_CUDA_READ_RATE_H_

#include "base/status.h"

namespace qed::cuda {

// Bytes a second, of the calling thread's GPU, which must have nothing else to do.
// Reads as much as is free, 1 GiB at the most, several times over; the best counts.
// kResourceExhausted where fewer than 256 MiB are free.
Result<double> MeasureReadRate();

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_READ_RATE_H_
