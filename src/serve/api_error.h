// What a client did wrong, as OpenAI's API reports it.
#ifndef QED_SERVE_API_ERROR_H_
#define QED_SERVE_API_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_message.h"

namespace qed {

struct ApiError {
  int status = 400;
  std::string message;  // one line
  std::string param;    // the field it is about; empty: none
  std::string code;     // "context_length_exceeded"; empty: none
};

// About no field, with no code of its own.
inline ApiError PlainError(int status, std::string message) {
  return {.status = status, .message = std::move(message), .param = "", .code = ""};
}

// {"error": {"message", "type", "param", "code"}}
std::string ErrorBody(const ApiError& error);
HttpResponse ErrorResponse(const ApiError& error);
// 429: the queue is full.
HttpResponse QueueFullResponse(int64_t retry_after_seconds);

// The error about one field of a request.
inline ApiError FieldError(std::string_view field, const std::string& message) {
  return {.status = 400,
          .message = std::string(field) + ": " + message,
          .param = std::string(field),
          .code = ""};
}

}  // namespace qed

#endif  // QED_SERVE_API_ERROR_H_
