#include "fetch/download.h"

#include <fnmatch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "fetch/file_fetcher.h"
#include "fetch/hub_client.h"
#include "fetch/target.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr int64_t kMaxRepoBytes = int64_t{1} << 50;  // far more than any; sums of sizes fit

// Cancels a token when a flag is set, as long as it lives.
class FlagWatch {
 public:
  FlagWatch(const std::atomic<bool>* flag, std::shared_ptr<CancelToken> token)
      : thread_([this, flag, token = std::move(token)] {
          std::unique_lock<std::mutex> lock(mutex_);
          while (!ended_) {
            if (flag != nullptr && flag->load()) token->Cancel();
            end_.wait_for(lock, kLook);
          }
        }) {}
  ~FlagWatch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    end_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;
  std::thread thread_;  // last
};

Result<std::vector<HubFile>> Choose(const DownloadRequest& request,
                                    const std::vector<HubFile>& files) {
  std::vector<std::string> names;
  for (const HubFile& file : files) {
    const bool wanted = request.include.empty() || FitsAny(file.path, request.include);
    if (request.choose || (wanted && !FitsAny(file.path, request.exclude))) {
      names.push_back(file.path);
    }
  }
  if (request.choose) {
    QED_ASSIGN_OR_RETURN(names, request.choose(names));
  }
  if (names.empty()) {
    return NotFound(request.repo.id + " has " + std::to_string(files.size()) +
                    " files, but none that is asked for (--include, --exclude)");
  }
  const std::set<std::string> wanted(names.begin(), names.end());
  std::vector<HubFile> chosen;
  for (const HubFile& file : files) {
    if (wanted.contains(file.path)) chosen.push_back(file);
  }
  return chosen;
}

// An error where the file system cannot hold so many bytes more.
Status CheckSpace(const std::string& folder, int64_t bytes) {
  fs::path path = fs::absolute(folder);
  std::error_code error;
  while (path.has_relative_path() && !fs::exists(path, error)) path = path.parent_path();
  struct statvfs info = {};
  if (::statvfs(path.c_str(), &info) != 0) return OkStatus();
  const double free = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
  if (static_cast<double>(bytes) <= free) return OkStatus();
  return ResourceExhausted("the download needs " + std::to_string(bytes >> 20) + " MiB in " +
                           folder + ", where " + std::to_string(static_cast<int64_t>(free) >> 20) +
                           " MiB are free");
}

Result<DownloadResult> FromCache(const Hub& hub, const DownloadRequest& request) {
  DownloadResult result;
  result.folder = request.output.empty() ? CachedSnapshot(hub.cache, request.repo) : "";
  if (result.folder.empty()) {
    return NotFound(request.repo.id + " at revision " + request.repo.revision + " is not in " +
                    hub.cache + ", and HF_HUB_OFFLINE forbids to ask the hub");
  }
  result.commit = fs::path(result.folder).filename();
  return result;
}

// The files that must be fetched; `result` counts all of them.
Result<std::vector<HubFile>> Missing(const Repo& repo, const std::vector<HubFile>& files,
                                     HubClient& client, Target& target, DownloadResult& result) {
  std::vector<HubFile> missing;
  for (HubFile file : files) {
    if (file.size < 0 || file.digest.empty()) {
      QED_RETURN_IF_ERROR(client.Describe(repo, result.commit, file));
    }
    if (file.size > kMaxRepoBytes - result.bytes) {
      return Corrupt(repo.id + ": the hub's sizes come to more than 1 PiB");
    }
    ++result.files;
    result.bytes += file.size;
    QED_ASSIGN_OR_RETURN(const bool there, target.Has(file));
    if (there) continue;
    ++result.fetched_files;
    result.fetched_bytes += file.size;
    missing.push_back(std::move(file));
  }
  return missing;
}

// Lets the threads work, and tells of it.
void RunThreads(const DownloadRequest& request, const DownloadResult& result,
                FileFetcher& fetcher) {
  const auto count = static_cast<size_t>(request.config.connections);
  std::atomic<size_t> running{count};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      fetcher.Work();
      --running;
    });
  }
  while (request.on_progress && running.load() > 0) {
    request.on_progress({result.bytes - result.fetched_bytes + fetcher.bytes(), result.bytes,
                         result.files - result.fetched_files + fetcher.files(), result.files});
    std::this_thread::sleep_for(kLook);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

bool FitsAny(const std::string& path, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&path](const std::string& pattern) {
    const std::string whole = pattern.ends_with('/') ? pattern + "*" : pattern;
    return ::fnmatch(whole.c_str(), path.c_str(), 0) == 0;
  });
}

Result<DownloadResult> Download(const Hub& hub, const DownloadRequest& request) {
  if (hub.offline) return FromCache(hub, request);
  const auto cancel = std::make_shared<CancelToken>();
  const FlagWatch watch(request.cancelled, cancel);
  HubClient client(hub, request.config.patience, cancel);
  QED_ASSIGN_OR_RETURN(const HubListing listing, client.List(request.repo));
  QED_ASSIGN_OR_RETURN(const std::vector<HubFile> chosen, Choose(request, listing.files));

  DownloadResult result;
  result.commit = listing.commit;
  const std::unique_ptr<Target> target = request.output.empty()
                                             ? CacheTarget(hub.cache, request.repo, listing.commit)
                                             : FolderTarget(request.output, listing.commit);
  result.folder = target->folder();
  QED_ASSIGN_OR_RETURN(std::vector<HubFile> missing,
                       Missing(request.repo, chosen, client, *target, result));
  QED_RETURN_IF_ERROR(CheckSpace(result.folder, result.fetched_bytes));

  FileFetcher fetcher({hub, request.repo, listing.commit, request.config.patience, cancel}, *target,
                      std::move(missing));
  RunThreads(request, result, fetcher);
  Status status = fetcher.status();
  if (status.ok() && cancel->cancelled()) status = Cancelled("the download was cancelled");
  if (!status.ok()) {
    const bool may_go_on = status.code() == StatusCode::kUnavailable ||
                           status.code() == StatusCode::kDeadlineExceeded ||
                           status.code() == StatusCode::kCancelled;
    fetcher.Abandon(may_go_on);
    if (!may_go_on) return status;
    return Status(status.code(),
                  status.message() + "; the same command goes on with what is there");
  }
  QED_RETURN_IF_ERROR(target->Finish());
  return result;
}

}  // namespace qed
