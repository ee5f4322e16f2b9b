// CUDA's error codes as Status and as checks. For *.cu and *_cuda.cc only.
#ifndef QED_CUDA_ERROR_CUH_
#define QED_CUDA_ERROR_CUH_

#include <cuda_runtime_api.h>

#include <string>

#include "base/check.h"
#include "base/status.h"

namespace qed::cuda {

// OK, or one line "what: CUDA's description". kResourceExhausted where memory
// ran out, kUnavailable elsewhere: the device does not do its work.
inline Status ToStatus(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return OkStatus();
  const std::string message = what + ": " + cudaGetErrorString(error);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // Not sticky: the next call must not see it again.
    return ResourceExhausted(message);
  }
  return Unavailable(message);
}

// For calls that fail only through a bug of ours or with the device.
#define QED_CUDA_CHECK(call)                                                     \
  do {                                                                           \
    const cudaError_t qed_error = (call);                                        \
    QED_CHECK(qed_error == cudaSuccess)                                          \
        << cudaGetErrorName(qed_error) << ": " << cudaGetErrorString(qed_error); \
  } while (false)

}  // namespace qed::cuda

#endif  // QED_CUDA_ERROR_CUH_
