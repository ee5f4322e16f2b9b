// What an LLM server is and can do, as far as it tells.
//
//   program        told by owned_by   text in      stop string told by
//   qed            qed                token ids    stop_reason
//   vLLM           vllm               token ids    stop_reason
//   SGLang         sglang             text         matched_stop
//   TensorRT-LLM   tensorrt_llm       text         stop_reason
//   llama.cpp      llamacpp           text         stopping_word (its own /completion)
//   any other      -                  text         found in the text by us
#ifndef QED_REMOTE_SERVER_INFO_H_
#define QED_REMOTE_SERVER_INFO_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_client.h"

namespace qed {

enum class ServerKind { kQed, kVllm, kSglang, kTensorRtLlm, kLlamaCpp, kOther };
const char* ServerKindName(ServerKind kind);

struct ServerInfo {
  ServerKind kind = ServerKind::kOther;
  std::string model;           // its id there
  int32_t max_seq_len = 0;     // 0: not told
  int32_t max_concurrent = 0;  // samples at a time; 0: not told
  std::string chat_template;   // Jinja; empty: not told
  std::string bos_token;       // their texts; empty: not told
  std::string eos_token;
  bool tokenizes = false;  // has /tokenize
  bool token_ids = false;  // takes and gives token ids: no text is tokenized twice
};

// An address and how to ask there. `url.target` is the path before "/v1", without
// a "/" at its end.
struct ServerAddress {
  Url url;
  std::string api_key;  // empty: none

  // "http://host:port/path", for messages.
  std::string Name() const;
  HttpFetch Fetch(const char* method, std::string_view path, std::string body = "") const;
};

// "http://host:port", with or without "/v1" behind it.
Result<ServerAddress> ParseServerAddress(std::string_view url, std::string api_key);

// What /v1/models says: kind, model (`wanted`, or the first if that is empty) and
// numbers. kCorrupt: not what such a server says; kNotFound: another model.
Result<ServerInfo> ParseModels(std::string_view body, const std::string& wanted);

// The token ids in a reply of /tokenize.
Result<std::vector<int32_t>> ParseTokens(std::string_view body);
Result<std::vector<int32_t>> TokensOf(const HttpReply& reply);
// The body that asks for those of `text`, without special tokens around it.
std::string TokenizeBody(const ServerInfo& info, std::string_view text);

// Asks the server everything; blocks until `deadline` at most. kUnavailable: there
// is no server, or it is not ready.
Result<ServerInfo> AskServer(HttpClient& client, const ServerAddress& address,
                             const std::string& wanted_model, Clock::Time deadline);

// "503 Service Unavailable: message", on one line.
std::string DescribeRefusal(const HttpResponse& response);

}  // namespace qed

#endif  // QED_REMOTE_SERVER_INFO_H_
