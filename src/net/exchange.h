// One request's answer, on its way from the handler's threads to the connection.
// Private to src/net.
#ifndef QED_NET_EXCHANGE_H_
#define QED_NET_EXCHANGE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/byte_budget.h"
#include "net/http_message.h"
#include "net/http_server.h"

namespace qed {

// Thread-safe.
class Exchange {
 public:
  // The connection, as an answer sees it. Thread-safe.
  class Host {
   public:
    virtual ~Host() = default;
    // Something is there to Collect: do so soon, on the connection's own strand.
    virtual void Wake() = 0;
    // Calls `call` on the connection's strand.
    virtual void Post(std::function<void()> call) = 0;
    // The connection ends after this answer.
    virtual bool MustClose() const = 0;
  };

  struct Framing {
    bool http10 = false;
    bool head = false;  // the answer has no body, whatever its headers say
    bool keep_alive = true;
    size_t max_unsent_bytes = 0;
    std::shared_ptr<ByteBudget> budget;     // of what is unsent
    std::function<HttpResponse()> no_room;  // instead of a response that it has no room for
    HttpHeaders extra;                      // of every answer, beside its own
  };

  Exchange(std::shared_ptr<Host> host, Framing framing)
      : host_(std::move(host)), framing_(std::move(framing)), share_(framing_.budget) {}

  // What a handler holds: an HttpResponder whose end ends the answer.
  static std::shared_ptr<HttpResponder> MakeResponder(std::shared_ptr<Exchange> exchange);

  // The handler's side; see HttpResponder.
  void Respond(HttpResponse response);
  void BeginStream(int status, const HttpHeaders& headers);
  bool Write(std::string_view chunk);
  void End();
  void Abandon();
  void OnDisconnect(std::function<void()> callback);
  bool disconnected() const;

  // The connection's side.
  struct Batch {
    std::string bytes;
    bool ended = false;  // and the answer is complete with them
    bool close = false;  // the connection ends after it
    bool cut = false;    // the connection is to be cut at once
  };
  Batch Collect();
  // So many collected bytes were sent.
  void OnSent(size_t bytes);
  // The peer has closed its half, or (`cut`) the connection is gone. Calls the
  // callback unless the answer is complete.
  void OnPeerGone(bool cut);

 private:
  enum class Phase { kWaiting, kStreaming, kEnded };

  // All REQUIRE mutex_.
  void AppendHead(int status, const HttpHeaders& headers, const std::string& framing);
  void Append(std::string_view bytes);
  // Hands out the callback, which must be destroyed outside of the lock.
  std::function<void()> Finish();

  const std::shared_ptr<Host> host_;
  const Framing framing_;

  mutable std::mutex mutex_;
  Phase phase_ = Phase::kWaiting;
  std::string pending_;
  size_t unsent_ = 0;  // bytes in pending_ and with the connection
  ByteShare share_;    // for them
  bool close_ = false;
  bool cut_ = false;   // nobody takes bytes any more
  bool gone_ = false;  // OnPeerGone was called
  bool woken_ = false;
  std::function<void()> on_disconnect_;
};

// "HTTP/1.1 404 Not Found\r\n", Date and `headers`, without the empty line.
std::string FormatResponseHead(int status, const HttpHeaders& headers);

}  // namespace qed

#endif  // QED_NET_EXCHANGE_H_
