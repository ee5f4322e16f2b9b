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
