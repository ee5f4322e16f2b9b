// Which linears had better stay in 16 bits: what quantizing each costs, measured alone, and how
// few of them it takes to reach a goal.
#ifndef QED_QUANTIZE_MIXED_PRECISION_H_
#define QED_QUANTIZE_MIXED_PRECISION_H_

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/network_tensors.h"
#include "model/decoder.h"
#include "quantize/text_quality.h"

namespace qed {

// Linears that readers multiply as one (JoinedLinears in quantize/matrix_coder.h).
struct LinearGroup {
  int32_t layer = 0;
  std::span<const TensorRole> roles;

  // "model.layers.3.self_attn.q_proj", ...: the modules' names.
  std::vector<std::string> Modules() const;
};
std::vector<LinearGroup> LinearGroups(int32_t layers);

// The groups of which one module fits one of the patterns, in which * stands for anything; by all
// their modules' names. kInvalidArgument, with the pattern, where one fits no module.
Result<std::set<std::string>> ModulesThatFit(std::span<const std::string> patterns, int32_t layers);

// A model some of whose groups are another's. Puts its own back when it goes.
class MixedModel {
 public:
  // The two have the same network, and formats with f32 activations. Both must outlive this.
  MixedModel(Decoder& model, const Decoder& quantized);
  ~MixedModel();
  MixedModel(const MixedModel&) = delete;
  MixedModel& operator=(const MixedModel&) = delete;

  Decoder& model() { return model_; }
  const std::vector<LinearGroup>& groups() const { return groups_; }
  // Values of a group's matrices.
  int64_t Size(size_t group) const;
  void Use(size_t group, bool quantized);
  void UseAll(bool quantized);

 private:
  Decoder& model_;
  const Decoder& quantized_;
  const std::vector<LinearGroup> groups_;
  std::vector<std::vector<PackedWeight>> own_;  // of each group
};

// The KL divergence that each group's quantization alone brings, all others being in 16 bits: the
// layers below it are computed once. `scored` are the same texts' distributions in 16 bits.
// REQUIRES: nothing in `mixed` is quantized.
std::vector<double> MeasureGroups(std::span<const TokenText> texts, int32_t batch_size,
                                  const ScoredTexts& scored, MixedModel& mixed,
                                  const std::function<void(size_t group)>& done);

struct KeepGoal {
  double min_top1 = 0;   // part of the tokens whose likeliest stays the same
  double max_share = 1;  // of the linears' values, what may stay in 16 bits
};

// The indices of the groups to keep: the fewest, but for a fortieth of all, of the most costly for
// their size with which quality_of(kept) reaches the goal, or all that max_share allows where none
// does. `quantized` is the quality with nothing kept.
std::vector<size_t> ChooseKept(
    std::span<const double> costs, std::span<const int64_t> sizes, const KeepGoal& goal,
    const TextQuality& quantized,
    const std::function<TextQuality(std::span<const size_t> kept)>& quality_of);

}  // namespace qed

#endif  // QED_QUANTIZE_MIXED_PRECISION_H_
