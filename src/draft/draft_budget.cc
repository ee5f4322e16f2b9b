#include "draft/draft_budget.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "draft/drafter.h"

namespace qed {
namespace {

// Beyond, rows cost as those before them do.
constexpr int32_t kMostDraftsOfStep = 64;

}  // namespace

StepCost::StepCost(std::vector<Point> points) : points_(std::move(points)) {
  QED_CHECK(!points_.empty() && points_.front().rows == 1);
  for (size_t i = 1; i < points_.size(); ++i) {
    QED_CHECK_LT(points_[i - 1].rows, points_[i].rows);
    points_[i].seconds = std::max(points_[i].seconds, points_[i - 1].seconds);
  }
}

double StepCost::Seconds(int32_t rows) const {
  if (points_.size() == 1 || rows <= 1) return points_.front().seconds;
  size_t i = 1;
  while (i + 1 < points_.size() && points_[i].rows < rows) ++i;
  const Point& a = points_[i - 1];
  const Point& b = points_[i];
  return a.seconds + (b.seconds - a.seconds) * (rows - a.rows) / (b.rows - a.rows);
}

size_t ChooseDrafts(const StepCost& cost, int32_t sequences, std::span<DraftOffer> offers) {
  std::ranges::stable_sort(offers, [](const DraftOffer& a, const DraftOffer& b) {
    return a.probability > b.probability;
  });
  double tokens = sequences;
  double best = (1 + kDraftMargin) * tokens / cost.Seconds(sequences);
  size_t taken = 0;
  for (size_t i = 0; i < offers.size(); ++i) {
    tokens += offers[i].probability;
    const double rate = tokens / cost.Seconds(sequences + static_cast<int32_t>(i) + 1);
    if (rate <= best) continue;
    best = rate;
    taken = i + 1;
  }
  return taken;
}

bool DraftsCanPay(const StepCost& cost, int32_t sequences) {
  const double without = (1 + kDraftMargin) * sequences / cost.Seconds(sequences);
  const int32_t most = std::min(sequences * kMaxDrafts, kMostDraftsOfStep);
  for (int32_t drafts = 1; drafts <= most; ++drafts) {
    const int32_t rows = sequences + drafts;
    if (rows / cost.Seconds(rows) > without) return true;
  }
  return false;
}

}  // namespace qed
