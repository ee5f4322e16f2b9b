#include "remote/completion.h"

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "base/rng.h"
#include "nlohmann/json.hpp"
#include "remote/json_fields.h"

namespace qed {
namespace {

using nlohmann::json;

constexpr JsonLimits kEventLimits{size_t{4} << 20, 16};
constexpr uint64_t kSeedStream = 1;
constexpr uint64_t kMaxPlainSeed = std::numeric_limits<int32_t>::max();

// Servers other than ours draw the same random numbers in every request with one
// seed: each request of a sample gets a seed of its own.
int64_t SeedOf(ServerKind kind, const SamplingParams& params, int64_t tokens_before) {
  if (kind == ServerKind::kQed) return static_cast<int64_t>(params.seed);
  if (tokens_before == 0) return static_cast<int64_t>(params.seed);
  return Philox4x32(params.seed, kSeedStream, static_cast<uint64_t>(tokens_before))[0] &
         kMaxPlainSeed;
}

json PromptJson(const CompletionPrompt& prompt) {
  return prompt.ids != nullptr ? json(*prompt.ids) : json(prompt.text);
}

json LlamaCppBody(const ServerInfo& info, const SamplingParams& params,
                  const CompletionPrompt& prompt, int32_t max_tokens) {
  json body = {{"prompt", PromptJson(prompt)},
               {"stream", true},
               {"cache_prompt", true},
               {"n_predict", max_tokens},
               {"temperature", params.temperature},
               {"top_k", params.top_k},
               {"top_p", params.top_p},
               {"min_p", params.min_p},
               {"typical_p", 1.0},
               {"repeat_penalty", params.repetition_penalty},
               {"repeat_last_n", info.max_seq_len},
               {"presence_penalty", params.presence_penalty},
               {"frequency_penalty", params.frequency_penalty},
               {"seed", SeedOf(ServerKind::kLlamaCpp, params, prompt.tokens_before)},
               {"stop", params.stop},
               // The order in which we and vLLM do it.
               {"samplers", {"penalties", "temperature", "min_p", "top_k", "top_p"}}};
  if (params.logprobs >= 0) body["n_probs"] = std::max(1, params.logprobs);
  return body;
}

void AddOwnFields(const ServerInfo& info, const SamplingParams& params,
                  const CompletionPrompt& prompt, json* body) {
  const bool no_top_k = params.top_k == 0 && info.kind != ServerKind::kTensorRtLlm;
  (*body)["top_k"] = no_top_k ? -1 : params.top_k;
  (*body)["min_p"] = params.min_p;
  (*body)["repetition_penalty"] = params.repetition_penalty;
  (*body)["skip_special_tokens"] = false;
  if (info.kind == ServerKind::kSglang) {
    (*body)["no_stop_trim"] = true;
  } else {
    (*body)["include_stop_str_in_output"] = true;
  }
  if (info.token_ids) (*body)["return_token_ids"] = true;
  if (info.kind == ServerKind::kQed && prompt.ids != nullptr && prompt.generated != nullptr) {
    (*body)["generated_ranges"] = *prompt.generated;
  }
}

bool ReadText(const json& object, const char* name, std::string* out) {
  const json* value = FindField(object, name);
  if (value == nullptr) return true;
  if (!value->is_string()) return false;
  *out = value->get<std::string>();
  return true;
}

void ReadCount(const json& object, const char* name, int64_t* out) {
  const json* value = FindField(object, name);
  if (value == nullptr || !value->is_number_integer()) return;
  const auto count = value->get<int64_t>();
  if (count >= 0 && count <= std::numeric_limits<int32_t>::max()) *out = count;
}

bool ReadIds(const json& object, const char* name, std::vector<int32_t>* out) {
  const json* ids = FindField(object, name);
  return ids == nullptr || ReadTokenIds(*ids, out);
}

// A stop string as vLLM, TensorRT-LLM and we (stop_reason) or SGLang (matched_stop)
// tell it; the number of a stop token is none.
void ReadStop(const json& choice, std::string* stop) {
  for (const char* name : {"stop_reason", "matched_stop"}) {
    const json* value = FindField(choice, name);
    if (value != nullptr && value->is_string()) *stop = value->get<std::string>();
  }
}

void ReadUsage(const json& event, CompletionEvent* out) {
  const json* usage = FindField(event, "usage");
  if (usage == nullptr) return;
  ReadCount(*usage, "completion_tokens", &out->completion_tokens);
  int64_t prompt = -1;
  ReadCount(*usage, "prompt_tokens", &prompt);
  const json* details = FindField(*usage, "prompt_tokens_details");
  if (prompt < 0 || details == nullptr) return;
  int64_t cached = 0;
  ReadCount(*details, "cached_tokens", &cached);
  out->computed_tokens = std::max<int64_t>(0, prompt - cached);
}

Result<CompletionEvent> ParseLlamaCpp(const json& event) {
  CompletionEvent out;
  const json* stop = FindField(event, "stop");
  if (stop == nullptr || !stop->is_boolean() || !ReadText(event, "content", &out.text)) {
    return Corrupt("an event without content");
  }
  ReadCount(event, "tokens_predicted", &out.completion_tokens);
  if (const json* probabilities = FindField(event, "completion_probabilities");
      probabilities != nullptr && probabilities->is_array()) {
    for (const json& token : *probabilities) {
      const json* logprob = FindField(token, "logprob");
      if (logprob != nullptr && logprob->is_number()) out.logprobs.push_back(logprob->get<float>());
    }
  }
  if (!stop->get<bool>()) return out;
  out.done = true;
  std::string type;
  if (!ReadText(event, "stop_type", &type)) return Corrupt("an end without a stop_type");
  out.finish_reason = type == "limit" ? "length" : "stop";
  if (type == "word" && !ReadText(event, "stopping_word", &out.stop)) {
    return Corrupt("an end without its stopping_word");
  }
  if (const json* timings = FindField(event, "timings")) {
    ReadCount(*timings, "prompt_n", &out.computed_tokens);
  }
  return out;
}

Result<CompletionEvent> ParseOpenAi(const json& event) {
  CompletionEvent out;
  ReadUsage(event, &out);
  const json* choices = FindField(event, "choices");
  if (choices == nullptr || !choices->is_array() || choices->size() > 1) {
    return Corrupt("an event without choices, or with several");
  }
  if (choices->empty()) return out;
  const json& choice = (*choices)[0];
  const bool valid = ReadText(choice, "text", &out.text) &&
                     ReadText(choice, "finish_reason", &out.finish_reason) &&
                     ReadIds(choice, "token_ids", &out.token_ids) &&
                     ReadIds(choice, "prompt_token_ids", &out.prompt_ids);
  if (!valid) return Corrupt("a choice with fields of wrong types");
  if (!out.finish_reason.empty()) ReadStop(choice, &out.stop);
  if (const json* logprobs = FindField(choice, "logprobs")) {
    const json* tokens = FindField(*logprobs, "token_logprobs");
    if (tokens != nullptr && tokens->is_array()) {
      for (const json& logprob : *tokens) {
        if (logprob.is_number()) out.logprobs.push_back(logprob.get<float>());
      }
    }
  }
  return out;
}

}  // namespace

Status CheckSampling(ServerKind kind, const SamplingParams& params) {
  if (!params.stop_token_ids.empty() || params.ignore_eos) {
    return Unsupported("stop token ids and ignore_eos are not sent to servers");
  }
  const std::string server = std::string("a server of kind ") + ServerKindName(kind);
  if (kind != ServerKind::kQed && params.seed > kMaxPlainSeed) {
    return Unsupported("--seed must be below " + std::to_string(kMaxPlainSeed + 1) + " for " +
                       server + ", those of all samples too");
  }
  if (kind != ServerKind::kOther) return OkStatus();
  const char* flag = params.top_k != 0                   ? "--top-k"
                     : params.min_p != 0                 ? "--min-p"
                     : params.repetition_penalty != 1.0f ? "--repetition-penalty"
                                                         : nullptr;
  if (flag == nullptr) return OkStatus();
  return Unsupported(std::string(flag) + " cannot be sent to " + server + ": leave it out");
}

const char* CompletionPath(ServerKind kind) {
  return kind == ServerKind::kLlamaCpp ? "/completion" : "/v1/completions";
}

std::string CompletionBody(const ServerInfo& info, const SamplingParams& params,
                           const CompletionPrompt& prompt, int32_t max_tokens) {
  if (info.kind == ServerKind::kLlamaCpp)
    return DumpJson(LlamaCppBody(info, params, prompt, max_tokens));
  json body = {{"model", info.model},
               {"prompt", PromptJson(prompt)},
               {"max_tokens", max_tokens},
               {"temperature", params.temperature},
               {"top_p", params.top_p},
               {"seed", SeedOf(info.kind, params, prompt.tokens_before)},
               {"presence_penalty", params.presence_penalty},
               {"frequency_penalty", params.frequency_penalty},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}};
  if (ServerFindsStops(info.kind) && !params.stop.empty()) body["stop"] = params.stop;
  const bool zero_is_none = info.kind != ServerKind::kQed && info.kind != ServerKind::kVllm;
  if (params.logprobs >= 0) {
    body["logprobs"] = zero_is_none ? std::max(1, params.logprobs) : params.logprobs;
  }
  if (info.kind != ServerKind::kOther) AddOwnFields(info, params, prompt, &body);
  return DumpJson(body);
}

Result<CompletionEvent> ParseCompletionEvent(ServerKind kind, std::string_view data) {
  if (data == "[DONE]") {
    CompletionEvent done;
    done.done = true;
    return done;
  }
  const Result<json> event = ParseJson(data, kEventLimits);
  if (!event.ok()) return event.status();
  if (const json* error = FindField(*event, "error")) {
    const std::string text = OneLine(ErrorText(*error));
    return Unavailable("the stream ended with: " + (text.empty() ? "an error" : text));
  }
  return kind == ServerKind::kLlamaCpp ? ParseLlamaCpp(*event) : ParseOpenAi(*event);
}

}  // namespace qed
