// A blocking HTTP/1.1 client with deadlines, cancellation and connection reuse.
// Plain http:// only.
#ifndef QED_NET_HTTP_CLIENT_H_
#define QED_NET_HTTP_CLIENT_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_message.h"

namespace qed {

// Ends calls that wait. Thread-safe; may be shared by several calls.
class CancelToken {
 public:
  CancelToken();
  ~CancelToken();
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  void Cancel();
  bool cancelled() const;
  int fd() const { return fd_; }  // readable from Cancel() on

 private:
  int fd_;
  std::atomic<bool> cancelled_{false};
};

struct HttpFetch {
  std::string method = "GET";
  Url url;
  HttpHeaders headers;  // without Host, Content-Length and Connection: those are set
  std::string body;
  Clock::Time deadline = Clock::Time::max();         // of the whole call
  std::chrono::milliseconds connect_timeout{5'000};  // and the deadline
  std::chrono::milliseconds read_timeout{0};         // without a byte; 0: none but the deadline
  size_t max_response_bytes = size_t{64} << 20;      // of the body
  std::shared_ptr<const CancelToken> cancel;         // may be null
  // If set: called with each piece of the body of a 2xx response as it comes,
  // and the response's body stays empty. False ends the call with kCancelled.
  std::function<bool(std::string_view)> on_data;
};

struct HttpReply {
  // OK: a whole response arrived, whatever its HTTP status. Else kUnavailable,
  // kDeadlineExceeded, kCancelled, kCorrupt (not HTTP) or kResourceExhausted (too
  // long), with one line that names the address.
  Status status;
  // With an error: true if the server cannot have seen the whole request, so that
  // sending it again cannot run anything twice.
  bool never_sent = false;
  HttpResponse response;
};

// Thread-safe: each call uses a connection of its own, taken from those left
// open by earlier calls where there is one. Those are kept for 15 s at most,
// well below servers' idle time-outs: a request is never sent twice, so a server
// that closes just then would make it fail.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Name look-up has the system resolver's own time limits.
  HttpReply Fetch(const HttpFetch& fetch);

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace qed

#endif  // QED_NET_HTTP_CLIENT_H_
