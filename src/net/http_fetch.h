// One HTTP call: what is asked for, and what came of it.
#ifndef QED_NET_HTTP_FETCH_H_
#define QED_NET_HTTP_FETCH_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
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

// Redirects are answers like others. Proxies are used as the environment says
// (https_proxy, http_proxy, no_proxy), but never for this machine itself. The certificate
// of an https:// server must be signed by one of the system's authorities, or of those in
// the file that SSL_CERT_FILE or CURL_CA_BUNDLE names.
struct HttpFetch {
  std::string method = "GET";
  Url url;
  HttpHeaders headers;  // without Host, Content-Length and Connection: those are set
  std::string body;
  Clock::Time deadline = Clock::Time::max();         // of the whole call
  std::chrono::milliseconds connect_timeout{5'000};  // with the name's look-up; and the deadline
  std::chrono::milliseconds read_timeout{0};         // without a byte; 0: none but the deadline
  size_t max_response_bytes = size_t{64} << 20;      // of the body
  std::shared_ptr<const CancelToken> cancel;         // may be null
  // If set: called with each piece of the body of a 2xx response as it comes,
  // and the response's body stays empty. False ends the call with kCancelled.
  std::function<bool(std::string_view)> on_data;
  // If set: called before that, with the status and header fields of a 2xx response. False
  // ends the call with kCancelled.
  std::function<bool(const HttpResponse&)> on_head;
  // Take a connection that an earlier call left open, and leave this one open. Those are
  // kept for 15 s, well below servers' idle time-outs.
  bool keep_connection = false;
  // Send the name and password that ~/.netrc (or the file NETRC names) has for the host.
  bool use_netrc = false;
};

struct HttpReply {
  // OK: a whole response arrived, whatever its HTTP status. Else kUnavailable,
  // kDeadlineExceeded, kCancelled, kCorrupt (not HTTP, or a certificate that is not
  // trusted), kResourceExhausted (too long) or kUnsupported (no libcurl on this machine),
  // with one line that names the address.
  Status status;
  // With an error: true if the server cannot have seen the whole request, so that
  // sending it again cannot run anything twice.
  bool never_sent = false;
  HttpResponse response;
};

}  // namespace qed

#endif  // QED_NET_HTTP_FETCH_H_
