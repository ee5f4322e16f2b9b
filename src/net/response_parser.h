// Bytes of one HTTP/1.1 response, in arbitrary pieces, to an HttpResponse.
// Private to src/net.
#ifndef QED_NET_RESPONSE_PARSER_H_
#define QED_NET_RESPONSE_PARSER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace qed {

class ResponseParser {
 public:
  enum class State { kReceiving, kDone, kFailed, kTooLong, kStopped };

  struct Options {
    bool to_head = false;  // the request was HEAD: there is no body
    size_t max_body_bytes = 0;
    // See HttpFetch::on_data. Bodies that go there have no limit.
    std::function<bool(std::string_view)> on_data;
  };

  explicit ResponseParser(Options options);
  ~ResponseParser();

  // Uses bytes from the front of `bytes` and returns how many; the rest must be
  // given again, with more behind it. Interim responses (1xx) are skipped.
  // REQUIRES: state kReceiving.
  size_t Feed(std::string_view bytes);
  // The connection ended: the end of a body that has no other, or a failure.
  void FeedEnd();

  State state() const;
  const std::string& error() const;  // in kFailed
  bool keep_alive() const;           // in kDone
  HttpResponse Take();

 private:
  class Grammar;
  void Restart();
  Options options_;
  std::unique_ptr<Grammar> grammar_;
};

}  // namespace qed

#endif  // QED_NET_RESPONSE_PARSER_H_
