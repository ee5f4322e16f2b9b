// How many drafts pay: a pure function of what they promise and of what rows cost.
#ifndef QED_DRAFT_DRAFT_BUDGET_H_
#define QED_DRAFT_DRAFT_BUDGET_H_

#include <cstdint>
#include <span>
#include <vector>

namespace qed {

// Seconds of a step by the number of its rows.
class StepCost {
 public:
  struct Point {
    int32_t rows = 0;
    double seconds = 0;
  };

  // `points` ascend in rows, the first has 1. Between them the cost is interpolated,
  // behind them it grows as between the last two. More rows never cost less.
  explicit StepCost(std::vector<Point> points);

  double Seconds(int32_t rows) const;

 private:
  std::vector<Point> points_;
};

// The probability that a sequence's draft, and all before it, are right.
struct DraftOffer {
  int32_t sequence = 0;
  double probability = 0;
};

// What a step with drafts must promise beyond one without, in tokens a second: costs
// are measured, and by how much they are off nobody knows.
inline constexpr double kDraftMargin = 0.03;

// Sorts `offers`, likeliest first (of a sequence's, the earlier first), and returns how
// many of them to take in a step of `sequences` sequences so that it gives most tokens a
// second; 0 where it gives less than kDraftMargin more than without.
size_t ChooseDrafts(const StepCost& cost, int32_t sequences, std::span<DraftOffer> offers);

// Whether drafts could pay if each were right: else none need be looked for.
bool DraftsCanPay(const StepCost& cost, int32_t sequences);

}  // namespace qed

#endif  // QED_DRAFT_DRAFT_BUDGET_H_
