// What an engine has done since its start, and what it holds now.
#ifndef QED_ENGINE_ENGINE_STATS_H_
#define QED_ENGINE_ENGINE_STATS_H_

#include <cstdint>

namespace qed {

struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;  // computed (again after a preemption), not found in the cache
  int64_t cached_tokens = 0;
  int64_t generated_tokens = 0;
  int64_t preemptions = 0;
  int32_t running = 0, waiting = 0, kept = 0;
  int32_t pages_total = 0, pages_free = 0, pages_cached = 0;
};

}  // namespace qed

#endif  // QED_ENGINE_ENGINE_STATS_H_
