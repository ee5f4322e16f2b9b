// How sure the model was of what it wrote, after DeepConf (Fu, Wang, Tian, Zhao:
// "Deep Think with Confidence", arXiv 2508.15260).
//
// The paper's token confidence is the negative mean log-probability of the 20
// likeliest tokens; ours is the log-probability of the token that was drawn
// (natural logarithm, of the distribution before temperature), which costs no
// extra work and is comparable across vocabularies. As in the paper, a group is
// a window of consecutive tokens and a sample is judged by its lowest group.
#ifndef QED_SOLVE_CONFIDENCE_H_
#define QED_SOLVE_CONFIDENCE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace qed {

// Mean and lowest windowed mean of a sample's token log-probabilities. Code
// outputs are not tokens of the model: a window reaches across them. Values that
// are not finite are left out. Not thread-safe.
class ConfidenceMeter {
 public:
  // REQUIRES: window >= 1.
  explicit ConfidenceMeter(int32_t window);

  void Add(float logprob);

  int64_t count() const { return count_; }
  // None before the first token.
  std::optional<double> mean() const;
  // Of all windows of `window` tokens; of all tokens where they are fewer.
  std::optional<double> lowest_window() const;
  // True once a window is full: from then on lowest_window() only falls.
  bool window_full() const { return count_ >= static_cast<int64_t>(recent_.size()); }

 private:
  std::vector<double> recent_;  // a ring
  int64_t count_ = 0;
  double sum_ = 0;
  double window_sum_ = 0;
  double lowest_ = 0;
};

// The weight of a sample's vote: exp(lowest window), the geometric mean of the
// probabilities of that window's tokens, at most 1. A sample without a
// measurement weighs 1, so that one vote remains one vote in old records.
double VoteWeight(std::optional<double> lowest_window);

// The bound below which a sample is pruned: of the lowest windows of the samples
// that finished first, the (1 - keep) quantile, linear between neighbours (the
// paper's "DeepConf-high" keeps 0.9, "DeepConf-low" 0.1).
// REQUIRES: values not empty, 0 < keep <= 1.
double PruningThreshold(std::span<const double> lowest_windows, double keep);

}  // namespace qed

#endif  // QED_SOLVE_CONFIDENCE_H_
