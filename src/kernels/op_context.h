// The one argument that every operation takes.
#ifndef QED_KERNELS_OP_CONTEXT_H_
#define QED_KERNELS_OP_CONTEXT_H_

#include "base/thread_pool.h"

namespace qed {

// Which instruction set the CPU kernels use.
enum class Isa {
  kPortable,    // plain C++
  kAvx2,        // AVX2, FMA, F16C
  kAvx512,      // AVX-512 F/BW/DQ/VL and VNNI
  kAvx512Bf16,  // and BF16
};

// The best that this processor has and that QED_ISA (an environment variable:
// portable, avx2, avx512, avx512bf16) does not forbid.
Isa DetectIsa();
const char* IsaName(Isa isa);

struct OpContext {
  ThreadPool* pool;  // not owned
  Isa isa;
};

}  // namespace qed

#endif  // QED_KERNELS_OP_CONTEXT_H_
