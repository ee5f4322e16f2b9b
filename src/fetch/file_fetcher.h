// The files of one download, shared by the threads that fetch them. Private to src/fetch.
#ifndef QED_FETCH_FILE_FETCHER_H_
#define QED_FETCH_FILE_FETCHER_H_

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "fetch/hub_client.h"
#include "fetch/part_file.h"
#include "fetch/target.h"

namespace qed {

class FileFetcher {
 public:
  struct Options {
    const Hub& hub;
    Repo repo;
    std::string commit;
    double patience = 0;
    std::shared_ptr<CancelToken> cancel;
  };

  // `files` have sizes and digests.
  FileFetcher(Options options, Target& target, std::vector<HubFile> files);

  // Fetches until there is nothing left to take. From several threads at a time.
  void Work();

  // After an error, when no thread works any more: what was fetched in part goes away, or
  // stays (`keep`) for another try.
  void Abandon(bool keep);

  // The first error of any thread.
  Status status() const;
  int64_t bytes() const { return bytes_.load(); }  // there, also from earlier
  int64_t files() const { return files_done_.load(); }

 private:
  // A file that is being fetched. Its url, active and ending are under mutex_.
  struct OpenFile {
    HubFile file;
    UniqueFd lock;
    std::unique_ptr<PartFile> part;
    Url url;  // the store's, once it is known
    bool url_is_known = false;
    int active = 0;                      // threads with a range of it
    bool ending = false;                 // a thread checks it
    std::atomic<bool> no_ranges{false};  // the server sends whole files only: one at a time
  };
  using Open = std::shared_ptr<OpenFile>;

  struct Piece {
    Open file;
    PartFile::Range range;
    bool yields = false;  // to another thread that is at work on the same file
  };

  std::optional<Piece> NextPiece();
  std::optional<Piece> TakeFrom(const Open& file);  // under mutex_
  // Locks the next file and looks again whether it is there; null if it is.
  Result<Open> OpenNext(const HubFile& file);
  Result<UniqueFd> Lock(const std::string& path);

  Status FetchPiece(HubClient& client, Piece& piece);
  HttpReply FetchRange(HubClient& client, Piece& piece, Status& refused);
  Status CheckHead(Piece& piece, const HttpResponse& head, int64_t& skip);
  bool IsStale(OpenFile& file, const HttpReply& reply);
  void PutBack(const Piece& piece);
  Status EndFile(const Open& file);
  void Fail(const Status& status);

  const Options options_;
  Target& target_;
  const std::vector<HubFile> files_;
  std::atomic<int64_t> bytes_{0};
  std::atomic<int64_t> files_done_{0};
  mutable std::mutex mutex_;
  size_t next_ = 0;       // under mutex_
  std::list<Open> open_;  // under mutex_
  Status first_error_;    // under mutex_
};

}  // namespace qed

#endif  // QED_FETCH_FILE_FETCHER_H_
