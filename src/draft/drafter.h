// Where drafts come from: guesses of a sequence's next tokens that the model then
// checks, several in one step. A guess changes how fast tokens come, never which.
#ifndef QED_DRAFT_DRAFTER_H_
#define QED_DRAFT_DRAFTER_H_

#include <array>
#include <cstdint>
#include <span>

namespace qed {

// Most drafts of a sequence in one step.
inline constexpr int32_t kMaxDrafts = 8;

// Drafts of a kind are about equally often right: by how much text they match, by
// their place in the chain, as the drafter sees fit. Acceptance is measured by kind.
// A drafter has kKindsOfDrafter of them; of two together, the second one's come behind.
inline constexpr int32_t kKindsOfDrafter = 16;
inline constexpr int32_t kDraftKinds = 2 * kKindsOfDrafter;

struct Draft {
  int32_t id = -1;
  int32_t kind = 0;  // in [0, kDraftKinds)
};

// What a head on a device drafted, and how sure it is.
struct HeadDraft {
  int32_t id = -1;
  float probability = 0;
};

// What is wanted for one sequence, and what was found.
struct DraftRequest {
  uint64_t sequence = 0;
  int32_t newest = 0;  // its newest token
  // What the model's head saw when it gave that token [E]; empty where the model does not say.
  std::span<const float> hidden = {};
  // What a head on the device drafted behind that token, while the step ended; empty where none is.
  std::span<const HeadDraft> of_step = {};
  // Tokens that are known to follow, where an answer is replayed.
  std::span<const int32_t> known = {};
  int32_t wanted = 0;  // at most kMaxDrafts
  // By kind, how likely a draft is right; empty where nobody knows.
  std::span<const float> odds = {};
  // Drafts that are less likely than this to be reached and right do not pay.
  double least = 0;

  int32_t count = 0;  // of `drafts`, at most `wanted`
  std::array<Draft, kMaxDrafts> drafts = {};
};

// Not thread-safe: called by the engine's step thread. Ids of sequences are never used
// twice.
class Drafter {
 public:
  virtual ~Drafter() = default;

  virtual void Start(uint64_t sequence, std::span<const int32_t> prompt) = 0;
  // Tokens that came, the model's or (outputs of code) somebody else's.
  virtual void Append(uint64_t sequence, std::span<const int32_t> tokens) = 0;
  // Fills `count` and `drafts` of each.
  virtual void Propose(std::span<DraftRequest> requests) = 0;
  virtual void End(uint64_t sequence) = 0;
};

}  // namespace qed

#endif  // QED_DRAFT_DRAFTER_H_
