// Replies of /v1/completions and /v1/chat/completions, whole and as the chunks of
// a stream, in OpenAI's shapes with vLLM's additions (stop_reason, prompt_token_ids, token_ids).
#ifndef QED_SERVE_API_REPLY_H_
#define QED_SERVE_API_REPLY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "nlohmann/json.hpp"
#include "serve/choice.h"
#include "serve/tool_calls.h"
#include "text/tokenizer.h"

namespace qed {

// A token beside its log-probability.
struct ScoredToken {
  TokenLogprob logprob;
  bool has_logprob = true;  // the first token of a prompt has none
};

// What "return_token_ids" adds to a choice or a chunk of one; null: nothing.
struct TokenIds {
  const std::vector<int32_t>* prompt = nullptr;
  const std::vector<int32_t>* generated = nullptr;
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t inserted_tokens = 0;  // code outputs
};

// One object per request; thread-compatible.
class ReplyFormat {
 public:
  // `tokenizer` must outlive it. `created`: seconds since 1970.
  ReplyFormat(const Tokenizer& tokenizer, bool chat, std::string id, std::string model,
              int64_t created);

  // "choices[i]" of a whole reply. `calls`: of a chat. `logprobs` is what Logprobs gave, or
  // null.
  nlohmann::ordered_json Choice(int32_t index, const std::string& text,
                                nlohmann::ordered_json logprobs, const TokenIds& ids,
                                const ChoiceResult& result,
                                const std::vector<ToolCall>& calls = {}) const;
  std::string Whole(const std::vector<nlohmann::ordered_json>& choices, const Usage& usage) const;

  // Chunks of a stream, each the data of one event. `with_usage`: the stream will
  // end with usage, and so every other chunk has a null one.
  std::string FirstChunk(int32_t index, bool with_usage) const;  // of a chat: the role
  std::string TextChunk(int32_t index, std::string_view text, nlohmann::ordered_json logprobs,
                        const TokenIds& ids, bool with_usage) const;
  // A call, whole; `number`: how many came before it in this choice.
  std::string ToolCallChunk(int32_t index, int32_t number, const ToolCall& call,
                            bool with_usage) const;
  std::string LastChunk(int32_t index, const ChoiceResult& result, bool with_usage) const;
  std::string UsageChunk(const Usage& usage) const;

  // Log-probabilities in the shape of completions (lists; `text_offset` is that of
  // the first token, in characters, and is moved on) or of chats (objects).
  nlohmann::ordered_json Logprobs(const std::vector<ScoredToken>& tokens,
                                  int64_t* text_offset) const;

 private:
  nlohmann::ordered_json Envelope(const char* object) const;
  std::string Chunk(nlohmann::ordered_json choice, bool with_usage) const;
  nlohmann::ordered_json CompletionLogprobs(const std::vector<ScoredToken>& tokens,
                                            int64_t* text_offset) const;
  nlohmann::ordered_json ChatLogprobs(const std::vector<ScoredToken>& tokens) const;
  std::string TokenText(int32_t id) const;
  nlohmann::ordered_json ToolCallJson(int32_t index, int32_t number, const ToolCall& call) const;

  const Tokenizer& tokenizer_;
  const bool chat_;
  const std::string id_, model_;
  const int64_t created_;
};

}  // namespace qed

#endif  // QED_SERVE_API_REPLY_H_
