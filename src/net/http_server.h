// An HTTP/1.1 server for thousands of open connections on a fixed number of
// threads (over Boost.Asio). Source: RFC 9110, RFC 9112.
//
// Understands keep-alive, pipelining (one request of a connection at a time, in
// order), HEAD, Expect: 100-continue, chunked request bodies, HTTP/1.0. What is
// malformed, over a limit or kept out by the guard is answered by the server itself
// with a JSON error body and never reaches the handler: 400, 401, 403, 408, 413,
// 414, 415, 417, 431, 501, 503 (too many connections), 505.
#ifndef QED_NET_HTTP_SERVER_H_
#define QED_NET_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/http_message.h"
#include "net/request_guard.h"

namespace qed {

struct HttpServerConfig {
  std::string host = "127.0.0.1";  // address or name to listen on
  uint16_t port = 0;               // 0: any free one, see HttpServer::port()
  int32_t io_threads = 2;
  int32_t max_connections = 4096;  // more get 503
  size_t max_target_bytes = 8 << 10;
  size_t max_header_bytes = 16 << 10;  // request line and fields together
  size_t max_body_bytes = 10 << 20;    // after decoding
  // Whole headers and whole bodies must arrive within these, however slowly
  // their sender drips them: else 408.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};  // between requests
  // A client that takes no byte for so long is cut off, and so is one that has
  // more than this many bytes of a stream still to take.
  std::chrono::milliseconds write_timeout{30'000};
  // Slower than 64 KiB in that time is as good as no byte.
  size_t max_unsent_bytes = 4 << 20;
  // Of all bodies that have not arrived or are not answered, and of all answers that
  // have not been read, together; the first 32 KiB of each are not counted. A body over
  // it gets 503, an answer over it becomes one, a stream is cut.
  size_t max_buffered_bytes = 256 << 20;
  // Sees each request before its body is read; null: everyone may ask anything.
  std::shared_ptr<const RequestGuard> guard;
  // The reply where the server itself refuses a request.
  std::function<HttpResponse(int status, std::string_view message)> error_response = JsonError;
};

// The answer to one request: either Respond once, or BeginStream, any number of
// Writes, End. Calls after the end, and second ones, do nothing. Any thread may
// call, nothing here blocks, and it may outlive the server. Where the last
// pointer goes before an answer began, the client gets 500; in mid-stream, the
// connection is cut so that the client sees that something is missing.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;

  virtual void Respond(HttpResponse response) = 0;

  // Sends status and headers at once. The body follows as chunks of chunked
  // coding (HTTP/1.0: until the connection ends). Server-sent events: the header
  // Content-Type: text/event-stream, chunks made by net/sse.h.
  virtual void BeginStream(int status, HttpHeaders headers) = 0;
  // Queues one chunk. False: nobody will read it (gone, or too slow and therefore
  // cut off). Empty chunks are skipped.
  virtual bool Write(std::string chunk) = 0;
  virtual void End() = 0;

  // Calls `callback` once, from an io thread, when the peer is gone before the
  // answer was complete: it closed or reset the connection, was cut off, or the
  // server stops. If that has happened already, the call comes soon (never, once
  // the server has stopped: see disconnected()). It is dropped, uncalled, when the
  // answer has been handed over. It must not own this responder.
  //
  // A peer that only shut down its sending half looks like one that closed, and is
  // treated as such: the callback comes. The connection stays open though, and
  // what is written afterwards is still sent; so a handler that ignores
  // disconnects serves such a peer completely.
  //
  // Closing is noticed unless the peer has pipelined more than 64 KiB beyond
  // this request: then only by a failed Write.
  virtual void OnDisconnect(std::function<void()> callback) = 0;
  virtual bool disconnected() const = 0;
};

// Called on an io thread; must return quickly (hand slow work to other threads).
using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpResponder>)>;

class HttpServer {
 public:
  struct Stats {
    int64_t connections = 0;  // open now
    int64_t requests = 0;     // handed to the handler, ever
    int64_t rejected = 0;     // connections answered 503, ever
    int64_t malformed = 0;    // requests that were no HTTP or over a limit, ever
    int64_t forbidden = 0;    // requests that the guard refused, ever
  };

  // Listens and starts the threads. kUnavailable where the address is taken.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerConfig& config,
                                                   HttpHandler handler);
  // Stop().
  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;
  // "http://127.0.0.1:6000"
  virtual std::string url() const = 0;
  // Nobody on another machine can connect.
  virtual bool is_on_loopback() const = 0;
  virtual Stats stats() const = 0;

  // Closes the listening socket and idle connections; running requests go on, and
  // their connections close after the answer.
  virtual void StopAccepting() = 0;
  // StopAccepting, then waits until every answer has been sent. False: not all
  // were within `patience`.
  virtual bool Drain(std::chrono::milliseconds patience) = 0;
  // Cuts every connection and joins the threads; disconnect callbacks have
  // returned when it does, and no handler runs afterwards. Not to be called from
  // a handler or callback.
  virtual void Stop() = 0;
};

// Where other machines can reach `server` and its guard wants no key: a warning to the
// log that strangers may do `what`.
void WarnOfStrangers(const HttpServer& server, const RequestGuard& guard, std::string_view what);

}  // namespace qed

#endif  // QED_NET_HTTP_SERVER_H_
