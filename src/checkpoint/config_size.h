// What a JSON file beside a model's weights may have; a larger one is damage or an attack.
#ifndef QED_CHECKPOINT_CONFIG_SIZE_H_
#define QED_CHECKPOINT_CONFIG_SIZE_H_

#include <cstddef>

namespace qed {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;

}  // namespace qed

#endif  // QED_CHECKPOINT_CONFIG_SIZE_H_
