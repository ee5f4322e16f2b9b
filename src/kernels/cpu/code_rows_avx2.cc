// Codes of rows with AVX2.
#include "kernels/cpu/code_row_kernels.h"

namespace qed {

const CodeRowKernels& Avx2CodeRows() { return kCodeRowKernels; }

}  // namespace qed
