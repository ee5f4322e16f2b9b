// Drafts without a network: what followed the sequence's last words where they stood
// before, in its own text, its prompt, its code's outputs, or in another sample of the
// same prompt, running or finished. Samples of a problem repeat its numbers, its
// formulas and their programs (SuffixDecoding, arXiv:2411.04975, does this with trees).
//
// Places are found by the last 5, else 3, else 2 tokens: an index of all such groups
// leads to the latest place, and from each place to the one before it. Of at most
// kMaxPlaces of them, those that agree with most of the text before vote for the next token.
//
// Memory: at most kMaxTokens tokens of text, kBytesPerToken each; the least recently
// used prompts that nobody is working on are forgotten first, and what is longer still
// is not remembered. What a lookup costs: bench/bench_drafts.
#ifndef QED_DRAFT_SUFFIX_DRAFTER_H_
#define QED_DRAFT_SUFFIX_DRAFTER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "draft/drafter.h"
#include "draft/text_index.h"

namespace qed {

class SuffixDrafter : public Drafter {
 public:
  explicit SuffixDrafter(int64_t max_tokens = kMaxTokens) : max_tokens_(max_tokens) {}

  static constexpr int64_t kMaxTokens = int64_t{1} << 19;
  static constexpr int64_t kBytesPerToken = 128;
  static constexpr int32_t kMaxPlaces = 6;
  static constexpr int32_t kMaxMatch = 32;  // tokens compared

  void Start(uint64_t sequence, std::span<const int32_t> prompt) override;
  void Append(uint64_t sequence, std::span<const int32_t> tokens) override;
  void Propose(std::span<DraftRequest> requests) override;
  void End(uint64_t sequence) override;

  int64_t num_tokens() const { return num_tokens_; }

 private:
  // The samples of one prompt.
  struct Group {
    uint64_t key = 0;
    TextIndex index;  // text 0 is the prompt
    int32_t running = 0;
    uint64_t last_used = 0;
  };
  struct Member {
    Group* group = nullptr;
    int32_t text = 0;  // of the group's index
  };

  Group& GroupOf(std::span<const int32_t> prompt);
  // Makes room for so many tokens; false where there is none.
  bool MakeRoom(int64_t tokens);
  static void ProposeFor(const Member& member, DraftRequest& request);

  const int64_t max_tokens_;
  int64_t num_tokens_ = 0;
  uint64_t clock_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Group>> groups_;  // by a hash of the prompt
  std::unordered_map<uint64_t, Member> members_;                 // by sequence
};

}  // namespace qed

#endif  // QED_DRAFT_SUFFIX_DRAFTER_H_
