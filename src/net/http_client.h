// A blocking HTTP/1.1 client with deadlines, cancellation and connection reuse.
#ifndef QED_NET_HTTP_CLIENT_H_
#define QED_NET_HTTP_CLIENT_H_

#include <memory>

#include "net/http_fetch.h"
#include "net/http_loop.h"

namespace qed {

// Thread-safe: calls run side by side, on the thread of a loop of its own; each takes a
// connection that an earlier one left open, if there is one. A request other than GET and
// HEAD is never sent twice, so a server that closes such a connection just then makes
// the call fail.
class HttpClient {
 public:
  HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `fetch`'s callbacks run on another thread, while this one waits.
  HttpReply Fetch(const HttpFetch& fetch);

 private:
  HttpLoop loop_;
};

}  // namespace qed

#endif  // QED_NET_HTTP_CLIENT_H_
