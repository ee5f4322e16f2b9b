// Watches what a network's products read, for calibration.
#ifndef QED_MODEL_ACTIVATION_OBSERVER_H_
#define QED_MODEL_ACTIVATION_OBSERVER_H_

#include <cstdint>
#include <span>

#include "base/check.h"
#include "model/language_model.h"

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
  // Of a model that cannot show its rows, when it stops showing: how many of all their values,
  // as bfloat16 without the sign, were m (kernels/cuda/magnitudes.h).
  virtual void ObserveCounts(int32_t layer, ObservedRows kind,
                             std::span<const uint64_t> count_of_magnitude) {
    static_cast<void>(layer), static_cast<void>(kind), static_cast<void>(count_of_magnitude);
    QED_CHECK(false) << "this observer wants rows";
  }
};

class ObservableModel : public LanguageModel {
 public:
  // Shows what later steps compute to `observer`, which must live until another one or null is
  // given. One method or the other of the observer is called, always the same of a model.
  virtual void set_observer(ActivationObserver* observer) = 0;
};

}  // namespace qed

#endif  // QED_MODEL_ACTIVATION_OBSERVER_H_
