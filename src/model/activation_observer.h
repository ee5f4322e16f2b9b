// Watches what a network's products read, for calibration.
#ifndef QED_MODEL_ACTIVATION_OBSERVER_H_
#define QED_MODEL_ACTIVATION_OBSERVER_H_

#include <cstdint>

namespace qed {

// Rows that pass through a layer: the inputs of its products, and what goes into its
// pages (keys before RoPE).
enum class ObservedRows : uint8_t {
  kAttentionInput,    // of q, k and v
  kAttended,          // of o
  kFeedForwardInput,  // of gate and up
  kGated,             // of down
  kKeys,
  kValues,
};
inline constexpr int kObservedKinds = 6;

class ActivationObserver {
 public:
  virtual ~ActivationObserver() = default;
  // `count` rows of `width` floats, `stride` apart, on the step's thread.
  virtual void Observe(int32_t layer, ObservedRows kind, const float* rows, int32_t count,
                       int32_t width, int64_t stride) = 0;
};

}  // namespace qed

#endif  // QED_MODEL_ACTIVATION_OBSERVER_H_
