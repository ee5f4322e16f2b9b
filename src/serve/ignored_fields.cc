#include "serve/ignored_fields.h"

#include <algorithm>
#include <string>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

// OpenAI's own, for its accounts, caches and models.
constexpr const char* kAnyValue[] = {
    "store",
    "metadata",
    "service_tier",
    "reasoning_effort",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "verbosity",
    "prediction",
    // vLLM's and SGLang's.
    "request_id",
    "rid",
    "include_reasoning",
    "separate_reasoning",
    "return_tokens_as_token_ids",
};

// A field and the one value (as JSON) with which it changes nothing.
struct Fixed {
  const char* name;
  const char* value;
};

constexpr Fixed kFixed[] = {
    {"use_beam_search", "false"},     {"length_penalty", "1.0"},   {"early_stopping", "false"},
    {"truncate_prompt_tokens", "-1"}, {"allowed_token_ids", "[]"}, {"bad_words", "[]"},
};

constexpr Fixed kFixedOfCompletions[] = {{"add_special_tokens", "true"}};

constexpr Fixed kFixedOfChats[] = {
    {"add_special_tokens", "false"},
    {"continue_final_message", "false"},
    {"echo", "false"},
    {"documents", "[]"},
    {"modalities", "[\"text\"]"},
    {"functions", "[]"},
    {"return_token_ids", "false"},
    {"best_of", "1"},
};

template <typename Table>
void AcceptFixed(FieldReader& fields, const Table& table) {
  for (const Fixed& field : table) {
    const Json* value = fields.Any(field.name);
    if (value != nullptr && *value != Json::parse(field.value)) {
      fields.Fail(field.name, std::string("only ") + field.value + " is possible here");
    }
  }
}

}  // namespace

void IgnoreFields(FieldReader& fields, bool chat) {
  for (const char* name : kAnyValue) fields.Any(name);
  AcceptFixed(fields, kFixed);
  if (chat) {
    AcceptFixed(fields, kFixedOfChats);
  } else {
    AcceptFixed(fields, kFixedOfCompletions);
    fields.Any("parallel_tool_calls");
  }
}

void IgnoreStreamOptions(FieldReader& options) {
  options.Any("continuous_usage_stats");
  options.Any("include_obfuscation");
  options.Any("chunk_include_usage");
}

}  // namespace qed
