#include "fetch/file_fetcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/system_error.h"

namespace qed {
namespace {

constexpr int64_t kSmallestPiece = int64_t{4} << 20;
constexpr int64_t kLargestPiece = int64_t{32} << 20;
constexpr int64_t kPiecesOfAFile = 16;  // so that the last ones end at about the same time
constexpr int kLockPause = 100;         // milliseconds

// "bytes 5-9/20" is {5, 20}.
struct ContentRange {
  int64_t begin = -1;
  int64_t total = -1;
};

ContentRange ParseContentRange(const std::string* text) {
  if (text == nullptr || !text->starts_with("bytes ")) return {};
  const size_t slash = text->find('/');
  if (slash == text->npos) return {};
  return {std::strtoll(text->c_str() + 6, nullptr, 10),
          std::strtoll(text->c_str() + slash + 1, nullptr, 10)};
}

}  // namespace

FileFetcher::FileFetcher(Options options, Target& target, std::vector<HubFile> files)
    : options_(std::move(options)), target_(target), files_(std::move(files)) {}

Status FileFetcher::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return first_error_;
}

void FileFetcher::Fail(const Status& status) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (first_error_.ok()) first_error_ = status;
  }
  options_.cancel->Cancel();
}

void FileFetcher::Work() {
  HubClient client(options_.hub, options_.patience, options_.cancel);
  while (!options_.cancel->cancelled()) {
    std::optional<Piece> piece = NextPiece();
    if (!piece) return;
    Status status;
    if (piece->range.end > piece->range.begin) status = FetchPiece(client, *piece);
    PutBack(*piece);
    if (status.ok()) status = EndFile(piece->file);
    if (!status.ok()) return Fail(status);
  }
}

std::optional<FileFetcher::Piece> FileFetcher::TakeFrom(const Open& file) {
  if (file->ending || (file->no_ranges && file->active > 0)) return std::nullopt;
  const int64_t piece = std::clamp(file->file.size / kPiecesOfAFile, kSmallestPiece, kLargestPiece);
  const auto range =
      file->part->Take(file->no_ranges ? std::numeric_limits<int64_t>::max() : piece);
  if (!range) return std::nullopt;
  ++file->active;
  return Piece{file, *range};
}

// A range of a file that is open, else of the next one. A file without bytes is a piece
// without any.
std::optional<FileFetcher::Piece> FileFetcher::NextPiece() {
  while (!options_.cancel->cancelled()) {
    size_t index = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const Open& file : open_) {
        if (std::optional<Piece> piece = TakeFrom(file)) return piece;
      }
      if (next_ == files_.size()) return std::nullopt;
      index = next_++;
    }
    Result<Open> opened = OpenNext(files_[index]);
    if (!opened.ok()) {
      Fail(opened.status());
      return std::nullopt;
    }
    if (*opened == nullptr) {
      bytes_ += files_[index].size;
      ++files_done_;
      continue;
    }
    bytes_ += (*opened)->part->done_bytes();
    const std::lock_guard<std::mutex> lock(mutex_);
    open_.push_back(*opened);
    if (std::optional<Piece> piece = TakeFrom(*opened)) return piece;
    ++(*opened)->active;
    return Piece{*opened, {}};
  }
  return std::nullopt;
}

// Waits for another process that fetches the same file.
Result<UniqueFd> FileFetcher::Lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
  if (!fd.valid()) return SystemError("write", path, errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    // Some file systems have no locks: two downloads then do the same work twice.
    if (errno != EWOULDBLOCK) return fd;
    pollfd wait = {options_.cancel->fd(), POLLIN, 0};
    if (::poll(&wait, 1, kLockPause) > 0) return Cancelled("the download was cancelled");
  }
  return fd;
}

Result<FileFetcher::Open> FileFetcher::OpenNext(const HubFile& file) {
  QED_ASSIGN_OR_RETURN(const std::string lock_path, target_.LockPath(file));
  auto open = std::make_shared<OpenFile>();
  open->file = file;
  QED_ASSIGN_OR_RETURN(open->lock, Lock(lock_path));
  QED_ASSIGN_OR_RETURN(const bool there, target_.Has(file));
  if (there) return Open();
  QED_ASSIGN_OR_RETURN(const std::string part_path, target_.PartPath(file));
  QED_ASSIGN_OR_RETURN(open->part, PartFile::Open(part_path, file.size));
  return open;
}

void FileFetcher::Abandon(bool keep) {
  for (const Open& file : open_) {
    if (!keep || file->part->done_bytes() == 0) file->part->Remove();
  }
  open_.clear();
}

void FileFetcher::PutBack(const Piece& piece) {
  piece.file->part->GiveBack(piece.range);
  const std::lock_guard<std::mutex> lock(mutex_);
  --piece.file->active;
}

// A store's address is good for a while only: the hub gives a new one.
bool FileFetcher::IsStale(OpenFile& file, const HttpReply& reply) {
  const int code = reply.status.ok() ? reply.response.status : 0;
  const bool refused = code == 400 || code == 401 || code == 403 || code == 404 || code == 410;
  const std::lock_guard<std::mutex> lock(mutex_);
  return refused && std::exchange(file.url_is_known, false);
}

// Asks for the rest of a piece until it is there. `piece.range.begin` moves on with the
// bytes that are written.
Status FileFetcher::FetchPiece(HubClient& client, Piece& piece) {
  Patience patience(options_.patience, options_.cancel);
  const std::string what = options_.repo.id + "/" + piece.file->file.path;
  bool asked_again = false;
  while (piece.range.begin < piece.range.end) {
    const int64_t before = piece.range.begin;
    Status refused;
    const HttpReply reply = FetchRange(client, piece, refused);
    if (!refused.ok()) return refused;
    if (piece.yields) return OkStatus();
    if (piece.range.begin > before) patience.Renew();
    if (piece.range.begin == piece.range.end) break;
    if (reply.status.ok() && reply.response.status / 100 == 2) {
      if (piece.range.begin > before) continue;
      return Corrupt(what + ": the hub sends fewer bytes than it was asked for");
    }
    if (IsStale(*piece.file, reply) && !std::exchange(asked_again, true)) continue;
    if (!IsPassing(reply) || !patience.Wait(reply)) {
      if (options_.cancel->cancelled()) return Cancelled("the download was cancelled");
      return HubError(options_.hub, options_.repo, what, reply);
    }
  }
  return OkStatus();
}

HttpReply FileFetcher::FetchRange(HubClient& client, Piece& piece, Status& refused) {
  OpenFile& open = *piece.file;
  Url url;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    url = open.url_is_known ? open.url
                            : client.FileUrl(options_.repo, options_.commit, open.file.path);
  }
  HttpFetch fetch;
  fetch.headers.Add("Range", "bytes=" + std::to_string(piece.range.begin) + "-" +
                                 std::to_string(piece.range.end - 1));
  int64_t skip = 0;
  fetch.on_head = [&](const HttpResponse& head) {
    refused = CheckHead(piece, head, skip);
    return refused.ok() && !piece.yields;
  };
  fetch.on_data = [&](std::string_view bytes) {
    const auto skipped = static_cast<size_t>(std::min<int64_t>(skip, std::ssize(bytes)));
    skip -= static_cast<int64_t>(skipped);
    bytes.remove_prefix(skipped);
    if (std::ssize(bytes) > piece.range.end - piece.range.begin) {
      if (!open.no_ranges) {
        refused = Corrupt(options_.repo.id + "/" + open.file.path +
                          ": the hub sends more bytes than were asked for");
        return false;
      }
      bytes = bytes.substr(0, static_cast<size_t>(piece.range.end - piece.range.begin));
    }
    refused = open.part->Write(piece.range.begin, bytes);
    if (!refused.ok()) return false;
    piece.range.begin += std::ssize(bytes);
    bytes_ += std::ssize(bytes);
    return !open.no_ranges || piece.range.begin < piece.range.end;
  };
  HttpReply reply = client.Fetch(std::move(fetch), url);
  if (reply.status.ok() && reply.response.status / 100 == 2) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open.url = url;
    open.url_is_known = true;
  }
  return reply;
}

// `skip` becomes the number of bytes before those that are wanted. The piece yields where
// the file comes whole only and others are at work on it.
Status FileFetcher::CheckHead(Piece& piece, const HttpResponse& head, int64_t& skip) {
  OpenFile& open = *piece.file;
  const std::string what = options_.repo.id + "/" + open.file.path;
  int64_t total = -1;
  if (head.status == 206) {
    const ContentRange range = ParseContentRange(head.headers.Find("Content-Range"));
    if (range.begin != piece.range.begin) {
      return Corrupt(what + ": the hub sends another range than it was asked for");
    }
    total = range.total;
  } else {
    const std::string* length = head.headers.Find("Content-Length");
    total = length == nullptr ? open.file.size : std::strtoll(length->c_str(), nullptr, 10);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (piece.range.end - piece.range.begin < open.file.size) {
      open.no_ranges = true;
      skip = piece.range.begin;
      piece.yields = open.active > 1;
    }
  }
  if (total == open.file.size) return OkStatus();
  return Corrupt(what + ": the hub lists " + std::to_string(open.file.size) +
                 " bytes, but sends a file of " + std::to_string(total));
}

// Checks and names a file whose last piece this was.
Status FileFetcher::EndFile(const Open& file) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (file->ending || file->active > 0 || !file->part->complete()) return OkStatus();
    file->ending = true;
  }
  PartFile& part = *file->part;
  QED_ASSIGN_OR_RETURN(const bool right, HasDigest(part.path(), file->file.digest));
  if (!right) {
    if (!part.resumed()) {
      part.Remove();
      return Corrupt(options_.repo.id + "/" + file->file.path +
                     ": what the hub sent does not have the digest that it tells (" +
                     file->file.digest + "); it was thrown away");
    }
    // What an earlier run left may have been damaged since.
    QED_RETURN_IF_ERROR(part.Restart());
    bytes_ -= file->file.size;
    const std::lock_guard<std::mutex> lock(mutex_);
    file->ending = false;
    return OkStatus();
  }
  part.Seal();
  QED_RETURN_IF_ERROR(target_.Publish(file->file, part.path()));
  ++files_done_;
  const std::lock_guard<std::mutex> lock(mutex_);
  open_.remove(file);
  return OkStatus();
}

}  // namespace qed
