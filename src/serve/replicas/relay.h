// One client's request on its way to a replica and back.
#ifndef QED_SERVE_REPLICAS_RELAY_H_
#define QED_SERVE_REPLICAS_RELAY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "net/http_loop.h"
#include "net/http_server.h"
#include "serve/replicas/held_stream.h"
#include "serve/replicas/replica_pool.h"
#include "serve/replicas/route_key.h"

namespace qed {

struct RelayedRequest {
  std::string method;
  std::string target;  // in origin form: "/v1/models?x=1"
  std::string content_type;
  std::string body;
  std::shared_ptr<const void> memory;  // HttpRequest::memory
  RouteKey key;
  // Makes of a replica's whole answer (status 200) that of all of them; may be null.
  std::function<void(HttpResponse& response)> edit;
};

// Belongs to the loop's thread and keeps itself alive until the client has its answer.
//
// As long as the client was sent nothing of an answer, a replica that ends, or that has no room
// (429, 503), costs the request nothing: it goes to another one, once. (Not more often: a request
// that is the end of whoever takes it should not be the end of all.) Else the client gets 503, or
// in the middle of a stream an event that says so, and the stream's end without "[DONE]".
class Relay : public std::enable_shared_from_this<Relay> {
 public:
  // All that is referred to must outlive the loop's thread. `moved` counts requests that went to
  // another replica, `lost` those that ended with their replica.
  struct Parts {
    HttpLoop& loop;
    ReplicaPool& pool;
    Counter& moved;
    Counter& lost;
  };

  Relay(const Parts& parts, RelayedRequest request, std::shared_ptr<HttpResponder> responder);

  void Start();

 private:
  // One replica's answer to it.
  struct Attempt {
    int32_t replica = 0;
    HttpLoop::CallId call = 0;
    HttpResponse head;
    bool streams = false;  // the answer is a stream of events
    std::string body;      // of one that is not
    HeldStream held;
  };

  // Asks a replica, another one than `but`. False: there is none.
  bool Try(std::optional<int32_t> but);
  bool OnHead(const HttpResponse& head);
  bool OnData(std::string_view bytes);
  void OnDone(HttpReply reply);
  // To another replica than `from`, where that may be and there is one.
  bool Move(int32_t from);
  void OnBroken(const Attempt& attempt, const Status& error);
  void Send(const Attempt& attempt, std::string bytes);
  void FinishStream(Attempt& attempt);
  void Leave();  // the client has left
  void RespondUnavailable(const std::string& message);

  const Parts parts_;
  const RelayedRequest request_;
  std::shared_ptr<HttpResponder> responder_;
  std::unique_ptr<Attempt> attempt_;  // null: none runs
  bool begun_ = false;                // the client was sent the head of a stream
  bool moved_ = false;
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_RELAY_H_
