#include "serve/http_config.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "net/request_guard.h"
#include "serve/api_error.h"

namespace qed {
namespace {

// Requests that may wait to be read, however few may wait for the engine.
constexpr size_t kLeastUnread = 1024;

std::chrono::milliseconds ToMilliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

}  // namespace

Result<HttpServerConfig> MakeHttpConfig(const ServeConfig& config) {
  HttpServerConfig http;
  http.host = config.host;
  http.port = static_cast<uint16_t>(config.port);
  http.max_connections = config.max_connections;
  http.max_body_bytes = static_cast<size_t>(config.max_body_bytes);
  http.max_buffered_bytes = static_cast<size_t>(config.max_buffered_bytes);
  http.header_timeout = ToMilliseconds(config.header_timeout);
  http.body_timeout = ToMilliseconds(config.body_timeout);
  http.error_response = [](int status, std::string_view message) {
    return ErrorResponse(PlainError(status, std::string(message)));
  };
  QED_ASSIGN_OR_RETURN(http.guard, RequestGuard::Create(config.access, config.host));
  return http;
}

ReadingLimits MakeReadingLimits(const ServeConfig& config) {
  return {.max_jobs = std::max(kLeastUnread, static_cast<size_t>(config.max_waiting)),
          .max_bytes = static_cast<size_t>(config.max_unread_bytes)};
}

}  // namespace qed
