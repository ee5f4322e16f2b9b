// The bodies of /v1/completions and /v1/chat/completions, read and checked.
//
// Unknown fields, fields of a wrong type or out of range and fields that
// contradict each other are errors that name the field. docs/server.md lists them all,
// with those that are known to change nothing (serve/ignored_fields.h).
#ifndef QED_SERVE_API_REQUEST_H_
#define QED_SERVE_API_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/sampling_params.h"
#include "engine/engine.h"
#include "serve/api_error.h"
#include "text/chat_template.h"
#include "text/prompt.h"

namespace qed {

// Completions (prompts times n) of one request.
inline constexpr int32_t kMaxChoices = 1024;
inline constexpr size_t kMaxStopStrings = 16;
inline constexpr size_t kMaxStopBytes = 1024;

// "tools": [{"type": "sandbox", ...}]: the server runs the model's programs and
// goes on behind their output.
struct SandboxTool {
  CodeTags tags;
  int32_t max_code_calls = 6;
  double code_timeout = 2.0;        // seconds
  int32_t code_output_chars = 200;  // of each output stream
  bool remaining_calls_notice = false;
  bool asked_for = true;  // false: by --tool-loop; the client knows only its API's own words
};

// Whether the model's text may, or must, call functions.
enum class ToolChoice { kNone, kAuto, kRequired };

using PromptInput = std::variant<std::string, std::vector<int32_t>>;

struct ApiRequest {
  bool chat = false;
  std::string model;                 // empty: not said
  std::vector<PromptInput> prompts;  // of completions: at least one
  ChatInput messages;                // of chats
  SamplingParams params;             // max_tokens only if has_max_tokens
  bool has_max_tokens = false;
  bool no_tokens = false;  // max_tokens is 0: only the prompt is of interest
  bool has_seed = false;
  int32_t n = 1;
  bool echo = false;
  bool stream = false;
  bool include_usage = false;
  bool skip_special_tokens = true;
  bool return_token_ids = false;             // of completions
  std::vector<TokenRange> generated_ranges;  // of the one prompt, see engine's Request::generated
  double timeout = 0;                        // seconds; 0: the server's
  int32_t priority = 0;                      // lower comes first
  std::string user;
  std::optional<SandboxTool> sandbox;
  ToolChoice tool_choice = ToolChoice::kNone;  // kNone where there are no functions
  std::string required_function;               // with kRequired; empty: any of them
  bool parallel_tool_calls = true;             // else only the first call counts

  bool wants_logprobs() const { return params.logprobs >= 0; }
};

struct ApiDefaults {
  int32_t vocab_size = 0;
  SamplingParams params;     // where a request says nothing; the checkpoint's own
  bool has_sandbox = false;  // the server has one
  // The sandbox of requests that ask for none, where nothing speaks against it.
  std::optional<SandboxTool> tool_loop;
  bool strict_fields = false;  // fields that change nothing are errors too
};

// Parse the body into `out`.
std::optional<ApiError> ParseCompletionRequest(std::string_view body, const ApiDefaults& defaults,
                                               ApiRequest* out);
std::optional<ApiError> ParseChatRequest(std::string_view body, const ApiDefaults& defaults,
                                         ApiRequest* out);

// /tokenize ({"prompt"} or {"messages"}) and /detokenize ({"tokens"}).
struct TokenizeRequest {
  std::string model;
  std::optional<std::string> prompt;  // else messages
  ChatInput messages;
  bool add_special_tokens = true;
  bool return_token_strs = false;
};
std::optional<ApiError> ParseTokenizeRequest(std::string_view body, TokenizeRequest* out);

struct DetokenizeRequest {
  std::string model;
  std::vector<int32_t> tokens;
};
std::optional<ApiError> ParseDetokenizeRequest(std::string_view body, int32_t vocab_size,
                                               DetokenizeRequest* out);

}  // namespace qed

#endif  // QED_SERVE_API_REQUEST_H_
