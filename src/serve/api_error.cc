#include "serve/api_error.h"

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::ordered_json;

const char* ErrorType(int status) {
  if (status == 404) return "not_found_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

}  // namespace

std::string ErrorBody(const ApiError& error) {
  const ordered_json body = {{"error",
                              {{"message", error.message},
                               {"type", ErrorType(error.status)},
                               {"param", TextOrNull(error.param)},
                               {"code", TextOrNull(error.code)}}}};
  return DumpJson(body);
}

HttpResponse ErrorResponse(const ApiError& error) {
  return JsonResponse(error.status, ErrorBody(error));
}

HttpResponse QueueFullResponse(int64_t retry_after_seconds) {
  HttpResponse response = ErrorResponse({.status = 429,
                                         .message = "the queue is full; try again later",
                                         .param = "",
                                         .code = "queue_full"});
  response.headers.Add("Retry-After", std::to_string(retry_after_seconds));
  return response;
}

}  // namespace qed
