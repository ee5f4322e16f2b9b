#include "serve/api_request.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"
#include "sampling/sampler.h"
#include "serve/chat_messages.h"
#include "serve/field_reader.h"
#include "serve/ignored_fields.h"
#include "serve/tool_fields.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxNameBytes = 256;
constexpr int32_t kMaxTokens = 1 << 24;

void ReadStop(FieldReader& fields, SamplingParams* params) {
  const Json* stop = fields.Any("stop");
  if (stop == nullptr) return;
  const std::string wanted =
      "must be a string or a list of at most " + std::to_string(kMaxStopStrings) +
      " strings, none of them empty or of more than " + std::to_string(kMaxStopBytes) + " bytes";
  const auto add = [&](const Json& text) {
    const bool valid = text.is_string() && !text.get_ref<const std::string&>().empty() &&
                       text.get_ref<const std::string&>().size() <= kMaxStopBytes;
    if (!valid) return fields.Fail("stop", wanted);
    params->stop.push_back(text.get<std::string>());
  };
  if (!stop->is_array()) return add(*stop);
  if (stop->size() > kMaxStopStrings) return fields.Fail("stop", wanted);
  for (const Json& text : *stop) add(text);
}

// "logit_bias": {"id": bias, ...}
void ReadLogitBias(FieldReader& fields, int32_t vocab_size, SamplingParams* params) {
  const Json* biases = fields.Any("logit_bias");
  if (biases == nullptr) return;
  constexpr double kMaxBias = 100;
  static_assert(kMaxLogitBiases <= kMaxOrderedMembers, "a body with so many could not be read");
  const std::string wanted = "must map at most " + std::to_string(kMaxLogitBiases) +
                             " token ids from 0 to " + std::to_string(vocab_size - 1) +
                             " to numbers from -100 to 100";
  if (!biases->is_object() || biases->size() > kMaxLogitBiases) {
    return fields.Fail("logit_bias", wanted);
  }
  for (const auto& [name, value] : biases->items()) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    const double bias = value.is_number() ? value.get<double>() : std::nan("");
    if (error != std::errc() || end != name.data() + name.size() || id < 0 || id >= vocab_size ||
        !(std::fabs(bias) <= kMaxBias)) {
      return fields.Fail("logit_bias", wanted);
    }
    params->logit_bias.emplace_back(id, static_cast<float>(bias));
  }
}

void ReadStream(FieldReader& fields, bool strict, ApiRequest* out) {
  fields.Bool("stream", &out->stream);
  const Json* options = fields.Any("stream_options");
  if (options == nullptr) return;
  if (!out->stream) return fields.Fail("stream_options", "is only for \"stream\": true");
  FieldReader inner(*options, "stream_options.");
  inner.Bool("include_usage", &out->include_usage);
  if (!strict) IgnoreStreamOptions(inner);
  fields.Adopt(inner.Finish());
}

// What both kinds of requests have.
void ReadCommon(FieldReader& fields, const ApiDefaults& defaults, ApiRequest* out) {
  SamplingParams& params = out->params;
  params = defaults.params;
  fields.String("model", kMaxNameBytes, &out->model);
  fields.String("user", kMaxNameBytes, &out->user);
  fields.Int("n", 1, kMaxChoices, &out->n);
  fields.Number("temperature", 0, 100, &params.temperature);
  fields.Number("top_p", 1e-6, 1, &params.top_p);
  fields.Number("min_p", 0, 1, &params.min_p);
  // -1 is vLLM's way to say "all".
  int32_t top_k = params.top_k;
  fields.Int("top_k", -1, 1 << 20, &top_k);
  params.top_k = std::max(0, top_k);
  fields.Number("repetition_penalty", 0.01, 100, &params.repetition_penalty);
  fields.Number("presence_penalty", -100, 100, &params.presence_penalty);
  fields.Number("frequency_penalty", -100, 100, &params.frequency_penalty);
  int64_t seed = 0;
  out->has_seed = fields.Int("seed", std::numeric_limits<int64_t>::min(),
                             std::numeric_limits<int64_t>::max(), &seed);
  params.seed = static_cast<uint64_t>(seed);
  ReadStop(fields, &params);
  fields.TokenIds("stop_token_ids", 256, defaults.vocab_size, &params.stop_token_ids);
  fields.Bool("ignore_eos", &params.ignore_eos);
  fields.Bool("include_stop_str_in_output", &params.include_stop_text);
  fields.Bool("skip_special_tokens", &out->skip_special_tokens);
  // Says nothing to a byte-level tokenizer; other servers' clients send it.
  bool spaces = true;
  fields.Bool("spaces_between_special_tokens", &spaces);
  fields.Number("timeout", 0, 1e7, &out->timeout);
  fields.Int("priority", std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(),
             &out->priority);
  ReadStream(fields, defaults.strict_fields, out);
  fields.Int("min_tokens", 0, kMaxTokens, &params.min_tokens);
  ReadLogitBias(fields, defaults.vocab_size, &params);
  if (!defaults.strict_fields) IgnoreFields(fields, out->chat);
}

void ReadMaxTokens(FieldReader& fields, const char* name, int32_t min, ApiRequest* out) {
  int32_t tokens = 0;
  if (!fields.Int(name, min, kMaxTokens, &tokens)) return;
  if (out->has_max_tokens && tokens != out->params.max_tokens) {
    return fields.Fail(name, "contradicts max_tokens");
  }
  out->has_max_tokens = true;
  out->no_tokens = tokens == 0;
  out->params.max_tokens = std::max(1, tokens);
}

// Contradictions between fields that were each right.
void CheckTogether(FieldReader& fields, ApiRequest* out) {
  if (out->sandbox && out->wants_logprobs()) {
    fields.Fail("logprobs", "is not possible with the sandbox");
  }
  if (out->sandbox && out->no_tokens) {
    fields.Fail("max_tokens", "must be at least 1 with the sandbox");
  }
  if (out->has_max_tokens && out->params.min_tokens > out->params.max_tokens) {
    fields.Fail("min_tokens", "must not be more than max_tokens");
  }
  if (out->sandbox && out->messages.tools.is_array()) {
    fields.Fail("tools", "must be functions or the sandbox, not both");
  }
  if (out->echo && out->stream && out->wants_logprobs()) {
    fields.Fail("echo", "with logprobs cannot be streamed");
  }
  const auto prompts = static_cast<int64_t>(std::max<size_t>(1, out->prompts.size()));
  if (prompts * out->n > kMaxChoices) {
    fields.Fail(
        "n", "with these prompts makes more than " + std::to_string(kMaxChoices) + " completions");
  }
}

bool IsIdList(const Json& value) {
  return value.is_array() && !value.empty() && value[0].is_number();
}

void ReadPrompts(FieldReader& fields, int32_t vocab_size, ApiRequest* out) {
  const Json* prompt = fields.Any("prompt");
  if (prompt == nullptr) return fields.Fail("prompt", "is missing");
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      out->prompts.emplace_back(one.get<std::string>());
      return;
    }
    std::vector<int32_t> ids;
    if (!ReadTokenIds(one, vocab_size, &ids)) {
      return fields.Fail("prompt", "must be a text, a list of token ids from 0 to " +
                                       std::to_string(vocab_size - 1) + ", or a list of either");
    }
    out->prompts.emplace_back(std::move(ids));
  };
  const bool many = prompt->is_array() && !IsIdList(*prompt);
  if (!many) return add(*prompt);
  if (prompt->empty() || prompt->size() > static_cast<size_t>(kMaxChoices)) {
    return fields.Fail("prompt", "must be from 1 to " + std::to_string(kMaxChoices) + " prompts");
  }
  for (const Json& one : *prompt) {
    if (fields.failed()) return;
    add(one);
  }
}

// "generated_ranges": [[begin, end], ...]; the engine checks how they lie.
void ReadGeneratedRanges(FieldReader& fields, ApiRequest* out) {
  const Json* ranges = fields.Any("generated_ranges");
  if (ranges == nullptr) return;
  const char* name = "generated_ranges";
  const bool one_prompt = out->prompts.size() == 1 && out->n == 1 &&
                          std::holds_alternative<std::vector<int32_t>>(out->prompts[0]);
  if (!one_prompt || out->echo || out->sandbox || out->params.min_tokens > 0) {
    return fields.Fail(name,
                       "needs one prompt of token ids, without n, echo, tools and min_tokens");
  }
  if (!ranges->is_array()) return fields.Fail(name, "must be a list");
  for (const Json& range : *ranges) {
    std::vector<int32_t> ends;
    if (!ReadTokenIds(range, std::numeric_limits<int32_t>::max(), &ends) || ends.size() != 2) {
      return fields.Fail(name, "must be a list of pairs of positions in the prompt");
    }
    out->generated_ranges.push_back({ends[0], ends[1]});
  }
}

void ReadChatLogprobs(FieldReader& fields, ApiRequest* out) {
  bool logprobs = false;
  int32_t top = 0;
  fields.Bool("logprobs", &logprobs);
  const bool has_top = fields.Int("top_logprobs", 0, kMaxLogprobs, &top);
  if (has_top && !logprobs) fields.Fail("top_logprobs", "needs \"logprobs\": true");
  if (logprobs) out->params.logprobs = top;
}

void ReadTemplateVariables(FieldReader& fields, ChatInput* out) {
  const Json* extra = fields.Any("chat_template_kwargs");
  if (extra == nullptr) return;
  if (!extra->is_object()) return fields.Fail("chat_template_kwargs", "must be an object");
  out->extra = *extra;
}

// Fields of chats that have one meaning here.
void ReadFixedChatFields(FieldReader& fields, ApiRequest* out) {
  fields.Bool("add_generation_prompt", &out->messages.add_generation_prompt);
  ReadTemplateVariables(fields, &out->messages);
  const Json* format = fields.Any("response_format");
  if (format != nullptr && *format != Json{{"type", "text"}}) {
    fields.Fail("response_format",
                "only {\"type\": \"text\"} is possible here: texts are not held to a schema");
  }
}

// --tool-loop: the sandbox for clients that cannot ask for it, where the request is one
// that it can serve.
void AddToolLoop(const ApiDefaults& defaults, ApiRequest* out) {
  const bool possible = !out->sandbox && !out->messages.tools.is_array() &&
                        !out->wants_logprobs() && !out->no_tokens && !out->echo &&
                        !out->return_token_ids && out->generated_ranges.empty();
  if (!defaults.tool_loop || !possible) return;
  out->sandbox = defaults.tool_loop;
}

}  // namespace

std::optional<ApiError> ParseCompletionRequest(std::string_view body, const ApiDefaults& defaults,
                                               ApiRequest* out) {
  Json json;
  if (auto error = ParseBody(body, &json)) return error;
  FieldReader fields(json);
  ReadCommon(fields, defaults, out);
  ReadPrompts(fields, defaults.vocab_size, out);
  if (!fields.failed()) {
    out->has_max_tokens = false;
    ReadMaxTokens(fields, "max_tokens", 0, out);
    if (!out->has_max_tokens) {
      out->has_max_tokens = true;
      out->params.max_tokens = 16;  // OpenAI's default
    }
  }
  fields.Int("logprobs", 0, kMaxLogprobs, &out->params.logprobs);
  fields.Bool("echo", &out->echo);
  int32_t best_of = out->n;
  fields.Int("best_of", 1, kMaxChoices, &best_of);
  if (best_of != out->n) fields.Fail("best_of", "must be as n");
  std::string suffix;
  fields.String("suffix", 0, &suffix);
  fields.Bool("return_token_ids", &out->return_token_ids);
  ReadTools(fields, defaults, out);
  ReadGeneratedRanges(fields, out);
  AddToolLoop(defaults, out);
  CheckTogether(fields, out);
  return fields.Finish();
}

std::optional<ApiError> ParseChatRequest(std::string_view body, const ApiDefaults& defaults,
                                         ApiRequest* out) {
  Json json;
  if (auto error = ParseBody(body, &json)) return error;
  out->chat = true;
  FieldReader fields(json);
  ReadCommon(fields, defaults, out);
  ReadMessages(fields, &out->messages.messages);
  ReadMaxTokens(fields, "max_tokens", 1, out);
  ReadMaxTokens(fields, "max_completion_tokens", 1, out);
  ReadChatLogprobs(fields, out);
  ReadTools(fields, defaults, out);
  ReadFixedChatFields(fields, out);
  AddToolLoop(defaults, out);
  CheckTogether(fields, out);
  return fields.Finish();
}

std::optional<ApiError> ParseTokenizeRequest(std::string_view body, TokenizeRequest* out) {
  Json json;
  if (auto error = ParseBody(body, &json)) return error;
  FieldReader fields(json);
  fields.String("model", kMaxNameBytes, &out->model);
  std::string prompt;
  const bool has_prompt = fields.String("prompt", body.size(), &prompt);
  if (has_prompt) out->prompt = std::move(prompt);
  if (has_prompt && fields.Any("messages") != nullptr) {
    fields.Fail("messages", "contradicts prompt");
  }
  if (!has_prompt) {
    ReadMessages(fields, &out->messages.messages);
    ReadFunctions(fields, &out->messages.tools);
    ReadTemplateVariables(fields, &out->messages);
  }
  fields.Bool("add_special_tokens", &out->add_special_tokens);
  fields.Bool("add_generation_prompt", &out->messages.add_generation_prompt);
  fields.Bool("return_token_strs", &out->return_token_strs);
  return fields.Finish();
}

std::optional<ApiError> ParseDetokenizeRequest(std::string_view body, int32_t vocab_size,
                                               DetokenizeRequest* out) {
  Json json;
  if (auto error = ParseBody(body, &json)) return error;
  FieldReader fields(json);
  fields.String("model", kMaxNameBytes, &out->model);
  if (!fields.TokenIds("tokens", 1 << 20, vocab_size, &out->tokens)) {
    fields.Fail("tokens", "is missing");
  }
  return fields.Finish();
}

}  // namespace qed
