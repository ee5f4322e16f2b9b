// A hub's answers: what is in a repository, and the bytes of its files.
//
// Protocol: GET /api/{models|datasets}/REPO/revision/REV?blobs=true lists commit, names,
// sizes and digests; HEAD and GET /[datasets/]REPO/resolve/COMMIT/FILE are the files,
// mostly by a redirect to a store on another host (https://huggingface.co/docs/hub/api).
#ifndef QED_FETCH_HUB_CLIENT_H_
#define QED_FETCH_HUB_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "fetch/hub.h"
#include "fetch/repo.h"
#include "net/http_client.h"

namespace qed {

struct HubFile {
  std::string path;
  int64_t size = -1;   // bytes; -1: not told
  std::string digest;  // SHA-256 (64 digits), or git's hash of the blob (40); "": not told
};

struct HubListing {
  std::string commit;
  std::vector<HubFile> files;
};

// What a hub says of a revision: with names that were checked (CheckFileName).
// kCorrupt: it is no such answer.
Result<HubListing> ParseListing(std::string_view body);

// How long to go on with a hub that fails: pauses that grow, until nothing has come for
// so many seconds.
class Patience {
 public:
  Patience(double seconds, std::shared_ptr<const CancelToken> cancel);

  // Something came: begin anew.
  void Renew();
  // After a failure that may pass (IsPassing): waits as long as the hub asks, or a little.
  // False: it lasted too long, or was cancelled.
  bool Wait(const HttpReply& reply);

 private:
  const Clock::Duration limit_;
  const std::shared_ptr<const CancelToken> cancel_;
  Clock::Time since_;
  Clock::Duration pause_;
};

// No answer, 408, 429 or 5xx.
bool IsPassing(const HttpReply& reply);

// One line for a call that failed or was answered with an error. `what` is what was asked
// for, for example "ORG/NAME at revision main".
Status HubError(const Hub& hub, const Repo& repo, const std::string& what, const HttpReply& reply);

// Not thread-safe; a client for each thread.
class HubClient {
 public:
  HubClient(const Hub& hub, double patience, std::shared_ptr<const CancelToken> cancel);

  // With file names that were checked (CheckFileName). Errors name the repository.
  Result<HubListing> List(const Repo& repo);
  // Asks for the size and digest of a file where the list did not tell them.
  Status Describe(const Repo& repo, const std::string& commit, HubFile& file);

  // One call, with the redirects that it meets. The hub sees the token, other hosts do
  // not. `url` becomes the address that answered.
  HttpReply Fetch(HttpFetch fetch, Url& url);

  Url FileUrl(const Repo& repo, const std::string& commit, const std::string& path) const;

 private:
  // One call without redirects.
  HttpReply FetchOnce(HttpFetch fetch, const Url& url);
  HttpReply FetchPatiently(const HttpFetch& fetch, const Url& url, bool follow);

  const Hub& hub_;
  const double patience_;
  const std::shared_ptr<const CancelToken> cancel_;
  HttpClient client_;
};

}  // namespace qed

#endif  // QED_FETCH_HUB_CLIENT_H_
