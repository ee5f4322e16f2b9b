#include "kernels/op_context.h"

#include <cstdlib>
#include <string_view>

namespace qed {
namespace {

Isa ProcessorIsa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // F16C, which the kernels use too, is older than AVX2; clang 14 cannot ask for it.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  if (avx512) {
    return __builtin_cpu_supports("avx512bf16") ? Isa::kAvx512Bf16 : Isa::kAvx512;
  }
  return avx2 ? Isa::kAvx2 : Isa::kPortable;
#else
  return Isa::kPortable;
#endif
}

}  // namespace

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "portable";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512bf16";
  }
  return "unknown";
}

Isa DetectIsa() {
  const Isa best = ProcessorIsa();
  const char* limit = std::getenv("QED_ISA");
  if (limit == nullptr) {
    return best;
  }
  for (Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16}) {
    if (std::string_view(limit) == IsaName(isa)) {
      return isa < best ? isa : best;
    }
  }
  return best;
}

}  // namespace qed
