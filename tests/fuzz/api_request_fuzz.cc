// Any body as a request: it is read or refused with a whole error body; and as texts
// whose votes are to be counted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "serve/api_request.h"
#include "serve/solve_routes.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

void Check(const std::optional<qed::ApiError>& error) {
  if (!error) return;
  const auto body = qed::ParseJson(qed::ErrorBody(*error));
  const bool whole = body.ok() && error->status == 400 && !error->message.empty() &&
                     error->message.find('\n') == std::string::npos &&
                     body->at("error").at("message").is_string();
  if (!whole) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::WriteSeeds(
      *argc, *argv,
      {R"({"model": "m", "prompt": ["a", "b"], "max_tokens": 5, "n": 2, "stop": ["x"], "seed": 1,
           "temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1, "logprobs": 3, "echo": true,
           "stream": true, "stream_options": {"include_usage": true}, "logit_bias": {"7": -100},
           "min_tokens": 1, "repetition_penalty": 1.1, "presence_penalty": 0.1, "timeout": 2,
           "priority": 1, "return_token_ids": true, "ignore_eos": true})",
       R"({"prompt": [1, 2, 3], "generated_ranges": [[1, 2]], "tools": [{"type": "sandbox",
           "max_code_calls": 2, "code_begin": "<c>", "code_end": "</c>"}]})",
       R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content":
           [{"type": "text", "text": "t"}]}, {"role": "assistant", "content": null, "tool_calls":
           [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
           {"role": "tool", "tool_call_id": "1", "content": "r"}], "tools": [{"type": "function",
           "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": "auto",
           "parallel_tool_calls": false, "response_format": {"type": "text"},
           "chat_template_kwargs": {"enable_thinking": false}, "top_logprobs": 2, "logprobs": true})",
       R"({"prompt": "a", "add_special_tokens": false, "return_token_strs": true})",
       R"({"tokens": [1, 2]})", R"({"texts": ["\\boxed{1}", null, "\\boxed{01}"]})"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  qed::ApiDefaults defaults;
  defaults.vocab_size = 1000;
  defaults.has_sandbox = true;
  qed::ApiRequest completion, chat;
  Check(qed::ParseCompletionRequest(body, defaults, &completion));
  Check(qed::ParseChatRequest(body, defaults, &chat));
  qed::TokenizeRequest tokenize;
  Check(qed::ParseTokenizeRequest(body, &tokenize));
  qed::DetokenizeRequest detokenize;
  Check(qed::ParseDetokenizeRequest(body, defaults.vocab_size, &detokenize));
  const qed::HttpResponse votes = qed::SolveRoutes::Votes(body);
  if (votes.status != (qed::ParseJson(votes.body)->contains("error") ? 400 : 200)) std::abort();
  return 0;
}
