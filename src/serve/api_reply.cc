#include "serve/api_reply.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/json.h"
#include "text/unicode.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity; OpenAI's API says -9999 instead.
double Finite(float logprob) { return logprob > -9999.0f ? logprob : -9999.0; }

Json StopReason(const ChoiceResult& result) {
  if (!result.stop_text.empty()) return result.stop_text;
  if (result.stop_token_id >= 0) return result.stop_token_id;
  return nullptr;
}

Json CodeCalls(const ChoiceResult& result) {
  Json calls = Json::array();
  for (const CodeCall& call : result.code_calls) {
    calls.push_back({{"status", ProcessStatusName(call.status)}, {"seconds", call.seconds}});
  }
  return calls;
}

// What a choice says of its end, in a whole reply and in a stream's last chunk.
void AddEnd(const ChoiceResult& result, Json* choice) {
  (*choice)["finish_reason"] = result.finish_reason;
  (*choice)["stop_reason"] = StopReason(result);
  if (!result.code_calls.empty()) (*choice)["code_calls"] = CodeCalls(result);
}

void AddTokenIds(const TokenIds& ids, Json* choice) {
  if (ids.prompt != nullptr) (*choice)["prompt_token_ids"] = *ids.prompt;
  if (ids.generated != nullptr) (*choice)["token_ids"] = *ids.generated;
}

Json UsageJson(const Usage& usage) {
  Json json = {{"prompt_tokens", usage.prompt_tokens},
               {"completion_tokens", usage.completion_tokens},
               {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
               {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
  if (usage.inserted_tokens > 0) json["inserted_tokens"] = usage.inserted_tokens;
  return json;
}

}  // namespace

ReplyFormat::ReplyFormat(const Tokenizer& tokenizer, bool chat, std::string id, std::string model,
                         int64_t created)
    : tokenizer_(tokenizer),
      chat_(chat),
      id_(std::move(id)),
      model_(std::move(model)),
      created_(created) {}

Json ReplyFormat::Envelope(const char* object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}};
}

Json ReplyFormat::ToolCallJson(int32_t index, int32_t number, const ToolCall& call) const {
  const std::string id = "call-" + id_ + "-" + std::to_string(index) + "-" + std::to_string(number);
  return {{"id", id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

Json ReplyFormat::Choice(int32_t index, const std::string& text, Json logprobs, const TokenIds& ids,
                         const ChoiceResult& result, const std::vector<ToolCall>& calls) const {
  Json choice = {{"index", index}};
  if (chat_) {
    Json& message = choice["message"];
    message = {{"role", "assistant"}, {"content", text}};
    if (!calls.empty()) {
      if (text.empty()) message["content"] = nullptr;
      Json& list = message["tool_calls"] = Json::array();
      for (const ToolCall& call : calls) {
        list.push_back(ToolCallJson(index, static_cast<int32_t>(list.size()), call));
      }
    }
  } else {
    choice["text"] = text;
  }
  choice["logprobs"] = std::move(logprobs);
  AddEnd(result, &choice);
  AddTokenIds(ids, &choice);
  return choice;
}

std::string ReplyFormat::Whole(const std::vector<Json>& choices, const Usage& usage) const {
  Json reply = Envelope(chat_ ? "chat.completion" : "text_completion");
  reply["choices"] = choices;
  reply["usage"] = UsageJson(usage);
  return DumpJson(reply);
}

std::string ReplyFormat::Chunk(Json choice, bool with_usage) const {
  Json chunk = Envelope(chat_ ? "chat.completion.chunk" : "text_completion");
  chunk["choices"] = Json::array({std::move(choice)});
  if (with_usage) chunk["usage"] = nullptr;
  return DumpJson(chunk);
}

std::string ReplyFormat::FirstChunk(int32_t index, bool with_usage) const {
  return Chunk({{"index", index},
                {"delta", {{"role", "assistant"}, {"content", ""}}},
                {"logprobs", nullptr},
                {"finish_reason", nullptr}},
               with_usage);
}

std::string ReplyFormat::TextChunk(int32_t index, std::string_view text, Json logprobs,
                                   const TokenIds& ids, bool with_usage) const {
  Json choice = {{"index", index}};
  if (chat_) {
    choice["delta"] = {{"content", text}};
  } else {
    choice["text"] = text;
  }
  choice["logprobs"] = std::move(logprobs);
  choice["finish_reason"] = nullptr;
  if (!chat_) choice["stop_reason"] = nullptr;
  AddTokenIds(ids, &choice);
  return Chunk(std::move(choice), with_usage);
}

std::string ReplyFormat::ToolCallChunk(int32_t index, int32_t number, const ToolCall& call,
                                       bool with_usage) const {
  Json json = {{"index", number}};
  json.update(ToolCallJson(index, number, call));
  return Chunk({{"index", index},
                {"delta", {{"tool_calls", Json::array({std::move(json)})}}},
                {"logprobs", nullptr},
                {"finish_reason", nullptr}},
               with_usage);
}

std::string ReplyFormat::LastChunk(int32_t index, const ChoiceResult& result,
                                   bool with_usage) const {
  Json choice = {{"index", index}};
  if (chat_) {
    choice["delta"] = Json::object();
  } else {
    choice["text"] = "";
  }
  choice["logprobs"] = nullptr;
  AddEnd(result, &choice);
  return Chunk(std::move(choice), with_usage);
}

std::string ReplyFormat::UsageChunk(const Usage& usage) const {
  Json chunk = Envelope(chat_ ? "chat.completion.chunk" : "text_completion");
  chunk["choices"] = Json::array();
  chunk["usage"] = UsageJson(usage);
  return DumpJson(chunk);
}

Json ReplyFormat::Logprobs(const std::vector<ScoredToken>& tokens, int64_t* text_offset) const {
  return chat_ ? ChatLogprobs(tokens) : CompletionLogprobs(tokens, text_offset);
}

// A token that is no whole character is told by its bytes, as OpenAI does.
std::string ReplyFormat::TokenText(int32_t id) const {
  const std::string_view bytes = tokenizer_.TokenBytes(id);
  std::string valid;
  AppendValidUtf8(bytes, valid);
  if (valid == bytes) return valid;
  std::string text = "bytes:";
  for (unsigned char byte : bytes) {
    char escaped[8];
    std::snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
    text += escaped;
  }
  return text;
}

Json ReplyFormat::CompletionLogprobs(const std::vector<ScoredToken>& tokens,
                                     int64_t* text_offset) const {
  Json texts = Json::array(), logprobs = Json::array(), tops = Json::array();
  Json offsets = Json::array();
  for (const ScoredToken& token : tokens) {
    const std::string text = TokenText(token.logprob.token_id);
    texts.push_back(text);
    offsets.push_back(*text_offset);
    for (char byte : tokenizer_.TokenBytes(token.logprob.token_id)) {
      *text_offset += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
    }
    if (!token.has_logprob) {
      logprobs.push_back(nullptr);
      tops.push_back(nullptr);
      continue;
    }
    logprobs.push_back(Finite(token.logprob.logprob));
    Json top = Json::object();
    for (const auto& [id, logprob] : token.logprob.top) top[TokenText(id)] = Finite(logprob);
    top[text] = Finite(token.logprob.logprob);  // among the likeliest or not
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json ReplyFormat::ChatLogprobs(const std::vector<ScoredToken>& tokens) const {
  const auto entry = [&](int32_t id, float logprob) {
    Json bytes = Json::array();
    for (unsigned char byte : tokenizer_.TokenBytes(id)) bytes.push_back(byte);
    return Json{{"token", TokenText(id)}, {"logprob", Finite(logprob)}, {"bytes", bytes}};
  };
  Json content = Json::array();
  for (const ScoredToken& token : tokens) {
    Json json = entry(token.logprob.token_id, token.logprob.logprob);
    json["top_logprobs"] = Json::array();
    for (const auto& [id, logprob] : token.logprob.top) {
      json["top_logprobs"].push_back(entry(id, logprob));
    }
    content.push_back(std::move(json));
  }
  return {{"content", std::move(content)}};
}

}  // namespace qed
