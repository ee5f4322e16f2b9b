// What an engine has done since its start, and what it holds now.
#ifndef QED_ENGINE_ENGINE_STATS_H_
#define QED_ENGINE_ENGINE_STATS_H_

#include <array>
#include <cstdint>

#include "draft/drafter.h"

namespace qed {

// What became of drafts.
struct DraftStats {
  int64_t drafts = 0;  // steps of a sequence with drafts in them
  int64_t tokens = 0;  // drafts computed
  int64_t accepted = 0;
  // By a draft's place in its step: those before it were right, and so was it.
  std::array<int64_t, kMaxDrafts> tried_at = {};
  std::array<int64_t, kMaxDrafts> accepted_at = {};
};

struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;  // computed (again after a preemption), not found in the cache
  int64_t cached_tokens = 0;
  int64_t generated_tokens = 0;
  int64_t preemptions = 0;
  DraftStats drafts;
  int32_t running = 0, waiting = 0, kept = 0;
  int32_t pages_total = 0, pages_free = 0, pages_cached = 0;
};

}  // namespace qed

#endif  // QED_ENGINE_ENGINE_STATS_H_
