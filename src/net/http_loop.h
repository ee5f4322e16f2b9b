// HTTP/1.1 calls by the hundred on one thread, with timers beside them: for who
// reads many streamed responses at a time.
#ifndef QED_NET_HTTP_LOOP_H_
#define QED_NET_HTTP_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/http_fetch.h"

namespace qed {

// One thread, on which everything is called back and which makes state that is
// used there alone safe without locks. Each call has a connection of its own, unless
// HttpFetch::keep_connection says otherwise. Over libcurl's multi interface
// (https://curl.se/libcurl/c/libcurl-multi.html), whose events an epoll set brings: what
// a byte costs does not depend on how many connections are open.
class HttpLoop {
 public:
  using CallId = uint64_t;

  HttpLoop();
  // Calls, timers and posted work that are left are dropped uncalled.
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // From any thread: runs `work` on the loop's.
  void Post(std::function<void()> work);

  // From the loop's thread alone:

  // `fetch.cancel` must be null. `on_done` is called once, never from within Start.
  CallId Start(HttpFetch fetch, std::function<void(HttpReply)> on_done);
  // Closes the connection; neither on_data nor on_done is called from now on.
  // Unknown and finished calls are fine.
  void Cancel(CallId id);
  void After(Clock::Duration delay, std::function<void()> work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qed

#endif  // QED_NET_HTTP_LOOP_H_
