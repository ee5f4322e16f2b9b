// A sandbox behind a URL: `qed sandbox`, or any server of its protocol (server.h).
#ifndef QED_SANDBOX_REMOTE_SANDBOX_H_
#define QED_SANDBOX_REMOTE_SANDBOX_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "net/http_client.h"
#include "sandbox/client.h"

namespace qed {

class RemoteSandbox : public SandboxClient {
 public:
  // Waits until the server at `url` says that it is healthy, `patience` seconds at
  // most: else one line that names it. `api_key` goes with each request; empty: none.
  static Result<std::unique_ptr<RemoteSandbox>> Connect(const std::string& url, double patience,
                                                        const std::string& api_key = "");

  // A request is repeated only where nothing can have run: the connection failed
  // before the server had it, or it answered 503 (then for up to two minutes, with the
  // pauses it asks for). Other failures are errors, not time-outs of the code.
  // kDeadlineExceeded where the server says nothing long after the code's time.
  // CloseSession from another thread ends it with kCancelled.
  Result<ExecuteResult> Execute(const ExecuteRequest& request) override;
  // Best effort: a server that cannot be reached expires the session by itself.
  void CloseSession(const std::string& session_id) override;

 private:
  RemoteSandbox(Url url, std::string api_key)
      : url_(std::move(url)), api_key_(std::move(api_key)) {}

  HttpFetch MakeFetch(const char* method, const std::string& path, double seconds) const;
  // Repeats as said above.
  HttpReply FetchPatiently(HttpFetch& fetch, double seconds, double patience);
  Status WaitUntilHealthy(double patience);

  const Url url_;  // its target is the prefix of all paths, without the slash at its end
  const std::string api_key_;
  HttpClient client_;
  std::mutex mutex_;
  // What ends the running calls of each session.
  std::multimap<std::string, std::shared_ptr<CancelToken>> running_;
};

}  // namespace qed

#endif  // QED_SANDBOX_REMOTE_SANDBOX_H_
