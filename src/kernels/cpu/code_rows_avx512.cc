// Codes of rows with AVX512.
#include "kernels/cpu/code_row_kernels.h"

namespace qed {

const CodeRowKernels& Avx512CodeRows() { return kCodeRowKernels; }

}  // namespace qed
