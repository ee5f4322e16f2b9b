// Token ids that stand for texts where only lengths matter.
#ifndef QED_CLI_RANDOM_IDS_H_
#define QED_CLI_RANDOM_IDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace qed {

// `count` ids, others for every `stream`, so that none is found in the prefix cache.
inline std::vector<int32_t> RandomIds(int32_t count, int32_t vocab_size, uint64_t stream) {
  constexpr uint64_t kSeed = 1;
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] =
        static_cast<int32_t>(Philox4x32(kSeed, stream, i)[0] % static_cast<uint32_t>(vocab_size));
  }
  return ids;
}

}  // namespace qed

#endif  // QED_CLI_RANDOM_IDS_H_
