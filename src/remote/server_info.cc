#include "remote/server_info.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "remote/json_fields.h"

namespace qed {
namespace {

using nlohmann::json;

constexpr JsonLimits kReplyLimits{size_t{16} << 20, 32};
constexpr size_t kMaxNameBytes = 1024;

struct NamedKind {
  ServerKind kind;
  const char* owned_by;
  const char* name;
};
constexpr NamedKind kKinds[] = {{ServerKind::kQed, "qed", "qed"},
                                {ServerKind::kVllm, "vllm", "vLLM"},
                                {ServerKind::kSglang, "sglang", "SGLang"},
                                {ServerKind::kTensorRtLlm, "tensorrt_llm", "TensorRT-LLM"},
                                {ServerKind::kLlamaCpp, "llamacpp", "llama.cpp"}};

// 0 where it is no positive number that fits.
int32_t CountField(const json& object, const char* name) {
  const json* value = FindField(object, name);
  if (value == nullptr || !value->is_number_integer()) return 0;
  const auto number = value->get<int64_t>();
  return number > 0 && number <= std::numeric_limits<int32_t>::max() ? static_cast<int32_t>(number)
                                                                     : 0;
}

// The body of a 200; empty where the server has no such thing.
std::string Ask(HttpClient& client, HttpFetch fetch, Clock::Time deadline) {
  fetch.deadline = deadline;
  const HttpReply reply = client.Fetch(fetch);
  return reply.status.ok() && reply.response.status == 200 ? reply.response.body : "";
}

json ParseOrNull(const std::string& body) {
  const Result<json> parsed = ParseJson(body, kReplyLimits);
  return parsed.ok() ? *parsed : json();
}

// Whether one token comes back with its id.
bool GivesTokenIds(HttpClient& client, const ServerAddress& address, const ServerInfo& info,
                   const std::vector<int32_t>& prompt, Clock::Time deadline) {
  const json body = {{"model", info.model}, {"prompt", prompt},   {"max_tokens", 1},
                     {"temperature", 0},    {"ignore_eos", true}, {"return_token_ids", true}};
  const json reply =
      ParseOrNull(Ask(client, address.Fetch("POST", "/v1/completions", DumpJson(body)), deadline));
  const json* choices = FindField(reply, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) return false;
  const json* ids = FindField((*choices)[0], "token_ids");
  return ids != nullptr && ids->is_array() && ids->size() == 1;
}

void ReadTemplate(const json& about, ServerInfo* info) {
  info->chat_template = TextField(about, "chat_template");
  info->bos_token = TextField(about, "bos_token");
  info->eos_token = TextField(about, "eos_token");
}

void AskLlamaCpp(HttpClient& client, const ServerAddress& address, Clock::Time deadline,
                 ServerInfo* info) {
  const json props = ParseOrNull(Ask(client, address.Fetch("GET", "/props"), deadline));
  ReadTemplate(props, info);
  info->max_concurrent = CountField(props, "total_slots");
  if (const json* settings = FindField(props, "default_generation_settings")) {
    info->max_seq_len = CountField(*settings, "n_ctx");
  }
}

}  // namespace

const char* ServerKindName(ServerKind kind) {
  for (const NamedKind& named : kKinds) {
    if (named.kind == kind) return named.name;
  }
  return "OpenAI-compatible";
}

std::string ServerAddress::Name() const { return url.Origin() + url.target; }

HttpFetch ServerAddress::Fetch(const char* method, std::string_view path, std::string body) const {
  HttpFetch fetch;
  fetch.method = method;
  fetch.url = url;
  fetch.url.target += path;
  if (!body.empty()) fetch.headers.Add("Content-Type", "application/json");
  if (!api_key.empty()) fetch.headers.Add("Authorization", "Bearer " + api_key);
  fetch.body = std::move(body);
  return fetch;
}

Result<ServerAddress> ParseServerAddress(std::string_view url, std::string api_key) {
  QED_ASSIGN_OR_RETURN(Url parsed, ParseUrl(url));
  std::string& target = parsed.target;
  while (target.ends_with('/')) target.pop_back();
  if (target.ends_with("/v1")) target.resize(target.size() - 3);
  const bool plain =
      std::all_of(api_key.begin(), api_key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) return InvalidArgument("the API key has characters that no header can carry");
  return ServerAddress{std::move(parsed), std::move(api_key)};
}

Result<ServerInfo> ParseModels(std::string_view body, const std::string& wanted) {
  const Result<json> parsed = ParseJson(body, kReplyLimits);
  if (!parsed.ok()) return parsed.status().WithPrefix("/v1/models");
  const json* data = FindField(*parsed, "data");
  if (data == nullptr || !data->is_array() || data->empty()) {
    return Corrupt("/v1/models names no model: not a server that speaks OpenAI's API");
  }
  for (const json& model : *data) {
    ServerInfo info;
    info.model = TextField(model, "id");
    if (info.model.empty() || info.model.size() > kMaxNameBytes) continue;
    if (!wanted.empty() && info.model != wanted) continue;
    const std::string owner = TextField(model, "owned_by");
    for (const NamedKind& named : kKinds) {
      if (owner == named.owned_by) info.kind = named.kind;
    }
    info.max_seq_len = CountField(model, "max_model_len");
    info.max_concurrent = CountField(model, "max_num_seqs");
    return info;
  }
  return NotFound("has no model " + OneLine(wanted) + ": see its /v1/models");
}

Result<std::vector<int32_t>> ParseTokens(std::string_view body) {
  const Result<json> parsed = ParseJson(body, kReplyLimits);
  if (!parsed.ok()) return parsed.status().WithPrefix("/tokenize");
  const json* tokens = FindField(*parsed, "tokens");
  if (tokens == nullptr || !tokens->is_array()) return Corrupt("/tokenize gives no tokens");
  std::vector<int32_t> ids;
  if (!ReadTokenIds(*tokens, &ids)) {
    return Corrupt("/tokenize gives something that is no token id");
  }
  return ids;
}

Result<std::vector<int32_t>> TokensOf(const HttpReply& reply) {
  QED_RETURN_IF_ERROR(reply.status);
  if (reply.response.status == 200) return ParseTokens(reply.response.body);
  return Unavailable("/tokenize answers " + DescribeRefusal(reply.response));
}

std::string TokenizeBody(const ServerInfo& info, std::string_view text) {
  if (info.kind == ServerKind::kLlamaCpp) {
    return DumpJson(json{{"content", text}, {"add_special", false}, {"parse_special", true}});
  }
  return DumpJson(json{{"model", info.model}, {"prompt", text}, {"add_special_tokens", false}});
}

Result<ServerInfo> AskServer(HttpClient& client, const ServerAddress& address,
                             const std::string& wanted_model, Clock::Time deadline) {
  HttpFetch fetch = address.Fetch("GET", "/v1/models");
  fetch.deadline = deadline;
  const HttpReply reply = client.Fetch(fetch);
  if (!reply.status.ok()) return reply.status;
  if (reply.response.status != 200) {
    const std::string why = address.Name() + " answers " + DescribeRefusal(reply.response);
    return reply.response.status >= 500 ? Unavailable(why) : InvalidArgument(why);
  }
  Result<ServerInfo> models = ParseModels(reply.response.body, wanted_model);
  if (!models.ok()) return models.status().WithPrefix(address.Name());
  ServerInfo info = *std::move(models);

  if (info.kind == ServerKind::kLlamaCpp) AskLlamaCpp(client, address, deadline, &info);
  if (info.kind == ServerKind::kQed || info.kind == ServerKind::kVllm) {
    const json about = ParseOrNull(Ask(client, address.Fetch("GET", "/tokenizer_info"), deadline));
    ReadTemplate(about, &info);
  }
  const Result<std::vector<int32_t>> probe = ParseTokens(
      Ask(client, address.Fetch("POST", "/tokenize", TokenizeBody(info, "1 + 1")), deadline));
  info.tokenizes = probe.ok() && !probe->empty();
  if (!info.tokenizes) return info;
  info.token_ids =
      info.kind == ServerKind::kQed ||
      (info.kind == ServerKind::kVllm && GivesTokenIds(client, address, info, *probe, deadline));
  return info;
}

std::string DescribeRefusal(const HttpResponse& response) {
  std::string text = std::to_string(response.status);
  text.append(" ").append(HttpReason(response.status));
  const json body = ParseOrNull(response.body);
  // {"error": {"message"}}, {"error": "message"} or {"message"}.
  const json* error = FindField(body, "error");
  const std::string message = error != nullptr ? ErrorText(*error) : TextField(body, "message");
  if (!message.empty()) text.append(": ").append(message);
  return OneLine(std::move(text));
}

}  // namespace qed
