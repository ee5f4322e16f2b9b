// A request inside the engine: its tokens, its pages and where it stands.
#ifndef QED_ENGINE_SEQUENCE_H_
#define QED_ENGINE_SEQUENCE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/output_text.h"
#include "kv/page_cache.h"
#include "sampling/token_counts.h"

namespace qed {

// What one Submit or Continue asks for.
struct Stretch {
  std::vector<int32_t> tokens;  // to append
  SamplingParams params;
  OutputText text;
};

enum class SequenceState {
  kWaiting,  // for room in the batch; after a Continue it may hold pages
  kRunning,
  kParked,  // its stretch is over, kept for a Continue
  kEnded,   // to be deleted once its sink was told
};

struct Sequence {
  Sequence(RequestId request_id, Stretch first) : id(request_id), stretch(std::move(first)) {}

  const RequestId id;  // ascending with arrival: also its age
  std::shared_ptr<OutputSink> sink;
  bool keep = false;
  SequenceState state = SequenceState::kWaiting;

  std::vector<int32_t> tokens;  // all known: prompts and generated
  std::vector<bool> generated;  // [tokens]: whether the model wrote it
  int32_t computed = 0;         // of them, with keys and values in the pages
  PageTable table;

  Stretch stretch;                    // the current one
  std::optional<TokenCounts> counts;  // where its parameters have penalties
  uint64_t position = 0;              // tokens generated in all stretches: the random counter
  bool was_admitted = false;          // what the cache has for its prompt has been counted
  int32_t to_score = 0;               // leading tokens whose log-probabilities are wanted
  int32_t scored = 1;                 // of them, delivered; the first has none

  bool scoring() const { return scored < to_score; }

  // For the sink. The chunk is filled and emptied step by step, keeping its memory.
  TokenChunk chunk;
  FinishInfo info;
  bool done = false;  // `info` is to be delivered
};

// Keeps a list oldest first.
inline void InsertByAge(std::vector<Sequence*>& list, Sequence* sequence) {
  const auto older = [](const Sequence* a, const Sequence* b) { return a->id < b->id; };
  list.insert(std::ranges::upper_bound(list, sequence, older), sequence);
}

}  // namespace qed

#endif  // QED_ENGINE_SEQUENCE_H_
