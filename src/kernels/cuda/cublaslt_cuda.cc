#include <dlfcn.h>

#include <string>

#include "kernels/cuda/cublaslt.cuh"

namespace qed::cuda {
namespace {

#define QED_STRING_INNER(x) #x
#define QED_STRING(x) QED_STRING_INNER(x)
constexpr const char* kLibrary = "libcublasLt.so." QED_STRING(CUBLAS_VER_MAJOR);
constexpr const char* kToolkitFolder = "/usr/local/cuda/lib64/";

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Result<CublasLt> OpenCublasLt() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    library = dlopen((std::string(kToolkitFolder) + kLibrary).c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    return Unavailable(std::string(kLibrary) + " is neither on the library path nor in " +
                       kToolkitFolder + "; install the CUDA toolkit or set LD_LIBRARY_PATH");
  }
  CublasLt lt;
  const bool complete =
      Find(library, "cublasLtCreate", lt.Create) && Find(library, "cublasLtDestroy", lt.Destroy) &&
      Find(library, "cublasLtGetVersion", lt.GetVersion) &&
      Find(library, "cublasLtGetStatusName", lt.GetStatusName) &&
      Find(library, "cublasLtMatmul", lt.Matmul) &&
      Find(library, "cublasLtMatmulAlgoCheck", lt.MatmulAlgoCheck) &&
      Find(library, "cublasLtMatmulAlgoGetHeuristic", lt.MatmulAlgoGetHeuristic) &&
      Find(library, "cublasLtMatmulDescInit_internal", lt.MatmulDescInit) &&
      Find(library, "cublasLtMatmulDescSetAttribute", lt.MatmulDescSetAttribute) &&
      Find(library, "cublasLtMatmulPreferenceInit_internal", lt.MatmulPreferenceInit) &&
      Find(library, "cublasLtMatmulPreferenceSetAttribute", lt.MatmulPreferenceSetAttribute) &&
      Find(library, "cublasLtMatrixLayoutInit_internal", lt.MatrixLayoutInit);
  if (!complete) {
    return Unavailable(std::string(kLibrary) + " lacks a function that this program needs");
  }
  return lt;
}

}  // namespace qed::cuda
