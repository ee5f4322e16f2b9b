// Drafters for tests: good, bad and useless ones.
#ifndef QED_ENGINE_DRAFT_TEST_SUPPORT_H_
#define QED_ENGINE_DRAFT_TEST_SUPPORT_H_

#include <algorithm>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "draft/suffix_drafter.h"
#include "engine/drafting.h"
#include "tests/support/fake_model.h"

namespace qed {

// Text that repeats itself: what follows depends on the last token alone.
inline void RepetitiveLogits(std::span<const int32_t> tokens, std::span<float> logits) {
  FakeModel::HashLogits(tokens.last(1), logits);
  for (float& logit : logits) logit *= 2;
}

enum class Drafts { kNone, kSuffix, kRandom, kWrong, kOften };

// Each draft is the token that the model finds likeliest, or one of a random kind with
// probability `noise`; with `noise` above 1, the one beside the likeliest: always wrong
// where that is what is drawn.
class ModelDrafter : public Drafter {
 public:
  ModelDrafter(FakeModel::LogitsFn fn, int32_t vocab_size, double noise)
      : fn_(std::move(fn)), logits_(vocab_size), noise_(noise) {}

  void Start(uint64_t sequence, std::span<const int32_t> prompt) override {
    QED_CHECK(texts_.try_emplace(sequence, prompt.begin(), prompt.end()).second);
  }
  void Append(uint64_t sequence, std::span<const int32_t> tokens) override {
    std::vector<int32_t>& text = texts_.at(sequence);
    text.insert(text.end(), tokens.begin(), tokens.end());
  }
  void Propose(std::span<DraftRequest> requests) override {
    for (DraftRequest& request : requests) {
      std::vector<int32_t> text = texts_.at(request.sequence);
      QED_CHECK_EQ(text.back(), request.newest);
      request.count = static_cast<int32_t>(random_() % (request.wanted + 1));
      for (int32_t i = 0; i < request.count; ++i) {
        text.push_back(Next(text));
        request.drafts[i] = {text.back(), i};
      }
    }
  }
  void End(uint64_t sequence) override { QED_CHECK_EQ(texts_.erase(sequence), 1u); }

 private:
  int32_t Next(const std::vector<int32_t>& text) {
    if (std::uniform_real_distribution<double>()(random_) < noise_ && noise_ <= 1) {
      return static_cast<int32_t>(random_() % logits_.size());
    }
    fn_(text, logits_);
    const auto likeliest = std::ranges::max_element(logits_) - logits_.begin();
    const int64_t shift = noise_ > 1 ? 1 : 0;
    return static_cast<int32_t>((likeliest + shift) % static_cast<int64_t>(logits_.size()));
  }

  FakeModel::LogitsFn fn_;
  std::vector<float> logits_;
  double noise_;
  std::mt19937 random_{7};
  std::unordered_map<uint64_t, std::vector<int32_t>> texts_;
};

inline std::unique_ptr<Drafter> MakeTestDrafter(Drafts drafts, const FakeModel::LogitsFn& fn,
                                                int32_t vocab_size) {
  switch (drafts) {
    case Drafts::kNone:
      return nullptr;
    case Drafts::kSuffix:
      return std::make_unique<SuffixDrafter>();
    case Drafts::kRandom:
      return std::make_unique<ModelDrafter>(fn, vocab_size, 1.0);
    case Drafts::kWrong:
      return std::make_unique<ModelDrafter>(fn, vocab_size, 2.0);
    case Drafts::kOften:
      return std::make_unique<ModelDrafter>(fn, vocab_size, 0.2);
  }
  return nullptr;
}

// With every draft computed, whatever it costs.
inline std::unique_ptr<Drafting> MakeTestDrafting(std::unique_ptr<Drafter> drafter) {
  if (drafter == nullptr) return nullptr;
  return std::make_unique<Drafting>(std::move(drafter), StepCost({{1, 1.0}}),
                                    DraftingOptions{.max_drafts = 4, .always = true});
}

}  // namespace qed

#endif  // QED_ENGINE_DRAFT_TEST_SUPPORT_H_
