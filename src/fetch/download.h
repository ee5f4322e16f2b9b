// Fetches a repository's files: several, and ranges of one, at a time; resumed after any
// interruption; checked before they get their names.
#ifndef QED_FETCH_DOWNLOAD_H_
#define QED_FETCH_DOWNLOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/download_config.h"
#include "fetch/hub.h"
#include "fetch/repo.h"

namespace qed {

struct DownloadProgress {
  int64_t bytes = 0;  // there so far, also from earlier
  int64_t total_bytes = 0;
  int64_t files = 0;
  int64_t total_files = 0;
};

struct DownloadRequest {
  Repo repo;
  // Shell patterns of paths ("*" crosses slashes, as in Hugging Face's tools). None in
  // `include` means all; `exclude` wins.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  // If set, says instead of them which of the repository's files are wanted.
  std::function<Result<std::vector<std::string>>(const std::vector<std::string>&)> choose;
  std::string output;  // a folder; empty: the hub's cache
  DownloadConfig config;
  const std::atomic<bool>* cancelled = nullptr;
  // Called on the caller's thread, about ten times a second.
  std::function<void(const DownloadProgress&)> on_progress;
};

struct DownloadResult {
  std::string folder;  // where the files are
  std::string commit;
  int64_t files = 0;
  int64_t bytes = 0;
  int64_t fetched_files = 0;  // of those, which were not there already
  int64_t fetched_bytes = 0;
};

// When it returns OK every file is there and has the digest that the hub told. Otherwise
// each is whole or absent; what was fetched in part lies beside as "*.qed-part" if the
// same call can go on with it. With Hub::offline it only looks.
Result<DownloadResult> Download(const Hub& hub, const DownloadRequest& request);

// Whether a path fits one of the patterns.
bool FitsAny(const std::string& path, const std::vector<std::string>& patterns);

}  // namespace qed

#endif  // QED_FETCH_DOWNLOAD_H_
