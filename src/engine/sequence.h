// A request inside the engine: its tokens, its pages and where it stands.
#ifndef QED_ENGINE_SEQUENCE_H_
#define QED_ENGINE_SEQUENCE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "draft/acceptance.h"
#include "draft/drafter.h"
#include "engine/output_text.h"
#include "engine/request.h"
#include "kv/page_cache.h"

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
  // Of them and of those in flight, with keys and values in the pages once the
  // steps in flight are over.
  int32_t computed = 0;
  PageTable table;

  // While it runs.
  int32_t slot = -1;      // StepRunner's
  int32_t in_flight = 0;  // tokens that steps in flight sample for it

  // Drafts of the step in flight, or of the next one.
  std::vector<Draft> drafts;
  Acceptance acceptance{64};   // of its drafts
  int32_t index_in_step = -1;  // in the step finished last, if that gave its newest token
  std::vector<float> hidden;   // what the head saw when it gave the newest token; or empty
  int32_t first_prompt = 0;    // leading tokens that its first stretch began with
  int32_t told = 0;            // leading tokens that the drafter knows; 0: nor the sequence

  Stretch stretch;            // the current one
  uint64_t position = 0;      // tokens generated in all stretches: the random counter
  bool was_admitted = false;  // what the cache has for its prompt has been counted
  int32_t to_score = 0;       // leading tokens whose log-probabilities are wanted
  int32_t scored = 1;         // of them, given by the steps launched; the first has none

  bool scoring() const { return scored < to_score; }
  // Tokens it has once the steps in flight are over, if it goes on so long.
  int32_t length() const { return static_cast<int32_t>(tokens.size()) + in_flight; }

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
