// cuBLASLt, opened while the program runs: a program that has it linked in would
// not start where there is no CUDA.
#ifndef QED_KERNELS_CUDA_CUBLASLT_CUH_
#define QED_KERNELS_CUDA_CUBLASLT_CUH_

#include <cublasLt.h>

#include <string>

#include "base/status.h"

namespace qed::cuda {

// The functions in use, by their own names and types.
struct CublasLt {
  decltype(&cublasLtCreate) Create;
  decltype(&cublasLtDestroy) Destroy;
  decltype(&cublasLtGetVersion) GetVersion;
  decltype(&cublasLtGetStatusName) GetStatusName;
  decltype(&cublasLtMatmul) Matmul;
  decltype(&cublasLtMatmulAlgoCheck) MatmulAlgoCheck;
  decltype(&cublasLtMatmulAlgoGetHeuristic) MatmulAlgoGetHeuristic;
  decltype(&cublasLtMatmulDescInit_internal) MatmulDescInit;
  decltype(&cublasLtMatmulDescSetAttribute) MatmulDescSetAttribute;
  decltype(&cublasLtMatmulPreferenceInit_internal) MatmulPreferenceInit;
  decltype(&cublasLtMatmulPreferenceSetAttribute) MatmulPreferenceSetAttribute;
  decltype(&cublasLtMatrixLayoutInit_internal) MatrixLayoutInit;
};

// kUnavailable, with where it was looked for.
Result<CublasLt> OpenCublasLt();

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_CUBLASLT_CUH_
