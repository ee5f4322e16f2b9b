// How often drafts turn out right, by their kind, over the latest ones.
#ifndef QED_DRAFT_ACCEPTANCE_H_
#define QED_DRAFT_ACCEPTANCE_H_

#include <array>
#include <cstdint>

#include "draft/drafter.h"

namespace qed {

class Acceptance {
 public:
  // Counts of a kind are halved when there are `window` of them, so that what came long
  // ago is forgotten.
  explicit Acceptance(float window) : window_(window) {}

  void Count(int32_t kind, bool accepted) {
    Rates& r = rates_[static_cast<size_t>(kind)];
    r.tried += 1;
    r.accepted += accepted ? 1.0f : 0.0f;
    if (r.tried < window_) return;
    r.tried /= 2;
    r.accepted /= 2;
  }

  // What a draft of the kind is likely to be, if `prior` were known from `weight` others.
  double Rate(int32_t kind, double prior, double weight) const {
    const Rates& r = rates_[static_cast<size_t>(kind)];
    return (r.accepted + prior * weight) / (r.tried + weight);
  }

  // A kind that is not tried any more is given another chance in time: its counts weigh
  // a little less.
  void Fade(int32_t kind) {
    constexpr float kFading = 0.998f;
    rates_[static_cast<size_t>(kind)].tried *= kFading;
    rates_[static_cast<size_t>(kind)].accepted *= kFading;
  }

 private:
  struct Rates {
    float tried = 0, accepted = 0;
  };
  float window_;
  std::array<Rates, kDraftKinds> rates_ = {};
};

}  // namespace qed

#endif  // QED_DRAFT_ACCEPTANCE_H_
