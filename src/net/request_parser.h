// Bytes of one HTTP/1.1 request, in arbitrary pieces, to an HttpRequest. The
// grammar is Boost.Beast's; limits and what is refused are ours.
#ifndef QED_NET_REQUEST_PARSER_H_
#define QED_NET_REQUEST_PARSER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace qed {

struct RequestLimits {
  size_t max_target_bytes = 8 << 10;
  size_t max_header_bytes = 16 << 10;  // also of the trailer and of one chunk's header
  size_t max_body_bytes = 10 << 20;
};

class RequestParser {
 public:
  enum class State { kHeaders, kBody, kDone, kFailed };

  explicit RequestParser(const RequestLimits& limits);
  ~RequestParser();

  // Uses bytes from the front of `bytes` and returns how many; the rest must be
  // given again, with more behind it (in state kDone it is the next request's).
  // REQUIRES: state kHeaders or kBody.
  size_t Feed(std::string_view bytes);
  State state() const;
  // A first byte has been used or refused: somebody is sending a request.
  bool started() const;

  // From state kBody on: the client waits for "100 Continue" before it sends.
  bool expects_continue() const;
  bool keep_alive() const;
  bool is_http10() const;
  // From state kBody on: what is known without the body.
  const HttpRequest& head() const;
  // In state kDone.
  HttpRequest Take();

  // In state kFailed: what the client is told. The connection is of no use then.
  int error_status() const;
  const std::string& error() const;

 private:
  class Grammar;

  // Whether the headers of which `bytes` are next are too long as a whole.
  bool HeadersExceedLimit(std::string_view bytes) const;

  std::unique_ptr<Grammar> grammar_;
  RequestLimits limits_;
  size_t header_bytes_ = 0;  // that were used: request line and fields
};

}  // namespace qed

#endif  // QED_NET_REQUEST_PARSER_H_
