// Drafts that are right as often as somebody says: for replays of recorded answers,
// whose next tokens are known, so that a drafter's speed can be measured without one.
#ifndef QED_DRAFT_SIMULATED_DRAFTER_H_
#define QED_DRAFT_SIMULATED_DRAFTER_H_

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "draft/drafter.h"

namespace qed {

// "0.83,0.77,0.71": for each place in the chain, how often its draft is right if those
// before it were. kInvalidArgument, naming what is wrong.
Result<std::vector<double>> ParseAcceptance(const std::string& text);

// Whether a draft is right is drawn from counters (base/rng.h) of the sequence, the
// token's place and the draft's: the same in every run.
class SimulatedDrafter : public Drafter {
 public:
  // One number for each draft, at most kMaxDrafts.
  SimulatedDrafter(std::vector<double> acceptance, int32_t vocab_size)
      : acceptance_(std::move(acceptance)), vocab_size_(vocab_size) {}

  void Start(uint64_t sequence, std::span<const int32_t> prompt) override;
  void Append(uint64_t sequence, std::span<const int32_t> tokens) override;
  void Propose(std::span<DraftRequest> requests) override;
  void End(uint64_t sequence) override { lengths_.erase(sequence); }

 private:
  const std::vector<double> acceptance_;
  const int32_t vocab_size_;
  std::unordered_map<uint64_t, uint64_t> lengths_;  // tokens of each sequence
};

}  // namespace qed

#endif  // QED_DRAFT_SIMULATED_DRAFTER_H_
