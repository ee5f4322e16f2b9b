#include "solve/confidence.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace qed {

ConfidenceMeter::ConfidenceMeter(int32_t window) : recent_(static_cast<size_t>(window)) {
  QED_CHECK(window >= 1);
}

void ConfidenceMeter::Add(float logprob) {
  if (!std::isfinite(logprob)) return;
  const size_t slot = static_cast<size_t>(count_) % recent_.size();
  recent_[slot] = logprob;
  ++count_;
  sum_ += logprob;
  if (!window_full()) return;
  // Once a turn of the ring the sum is made anew, so that rounding cannot pile up.
  if (slot + 1 == recent_.size()) {
    window_sum_ = 0;
    for (const double value : recent_) window_sum_ += value;
  } else {
    window_sum_ += logprob;
  }
  const double mean = window_sum_ / static_cast<double>(recent_.size());
  lowest_ = count_ == static_cast<int64_t>(recent_.size()) ? mean : std::min(lowest_, mean);
  // What the next token pushes out.
  window_sum_ -= recent_[static_cast<size_t>(count_) % recent_.size()];
}

std::optional<double> ConfidenceMeter::mean() const {
  if (count_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(count_);
}

std::optional<double> ConfidenceMeter::lowest_window() const {
  return window_full() ? lowest_ : mean();
}

double VoteWeight(std::optional<double> lowest_window) {
  return lowest_window ? std::exp(std::min(*lowest_window, 0.0)) : 1.0;
}

double PruningThreshold(std::span<const double> lowest_windows, double keep) {
  QED_CHECK(!lowest_windows.empty() && keep > 0 && keep <= 1);
  std::vector<double> sorted(lowest_windows.begin(), lowest_windows.end());
  std::sort(sorted.begin(), sorted.end());
  const double place = (1 - keep) * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

}  // namespace qed
