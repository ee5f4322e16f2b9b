// What goes into the engine, and what comes out.
#ifndef QED_ENGINE_REQUEST_H_
#define QED_ENGINE_REQUEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/sampling_params.h"

namespace qed {

using RequestId = uint64_t;

enum class FinishReason { kStop, kLength, kCancelled, kError };
const char* FinishReasonName(FinishReason reason);  // "stop", "length", "cancelled", "error"

struct TokenLogprob {
  int32_t token_id = 0;
  float logprob = 0;
  std::vector<std::pair<int32_t, float>> top;  // likeliest first
};

// What one step added to a request. The end-of-sequence or stop id that ended it
// is among the ids, its text is not in the text; a matched stop string is in the
// text only with SamplingParams::include_stop_text.
struct TokenChunk {
  std::string text;  // settled text: never half a character or half a stop string
  std::vector<int32_t> token_ids;
  std::vector<TokenLogprob> logprobs;  // one per token when asked for
  // Request::score_prompt: the next tokens of the prompt, from the second on.
  std::vector<TokenLogprob> prompt_logprobs;
};

struct FinishInfo {
  FinishReason reason = FinishReason::kStop;
  std::string stop_reason;     // the stop string that matched; empty otherwise
  int32_t stop_token_id = -1;  // the end-of-sequence or stop id that ended it; -1 otherwise
  int32_t prompt_tokens = 0;   // of this stretch: what was appended
  int32_t cached_tokens = 0;   // of them, found in the cache
  // Appended tokens that this stretch computed, and earlier ones that it had to
  // compute again because their pages were given up. What was generated last
  // before a Continue is computed with it in any case and does not count.
  int32_t computed_tokens = 0;
  int32_t generated_tokens = 0;  // the stop token included
  Status error;                  // when reason == kError
};

class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void OnTokens(RequestId id, const TokenChunk& chunk) = 0;
  // Once per Submit or Continue; nothing follows until the next Continue.
  virtual void OnDone(RequestId id, const FinishInfo& info) = 0;
};

// [begin, end) of a prompt's tokens.
struct TokenRange {
  int32_t begin = 0;
  int32_t end = 0;
};

struct Request {
  std::vector<int32_t> prompt;  // token ids, at least one
  // Of the prompt, what earlier requests with these parameters generated, ascending:
  // the sequence goes on as if it had been kept since. The random numbers of new
  // tokens follow those, penalties count them, and if the last range ends with the
  // prompt, the new text goes on where the text of that range, with what may begin
  // a character or a stop string held back, ended.
  std::vector<TokenRange> generated;
  SamplingParams params;
  bool skip_special_tokens = false;  // in the text
  bool keep = false;                 // keep the sequence and its pages after it ends, for Continue
  // Log-probabilities of the prompt's tokens too, in prompt_logprobs, with as many
  // likeliest ones as params.logprobs says. Nothing of such a prompt is taken
  // from the cache, and it takes as many rows of logits as it has tokens.
  bool score_prompt = false;
  std::shared_ptr<OutputSink> sink;
};

}  // namespace qed

#endif  // QED_ENGINE_REQUEST_H_
