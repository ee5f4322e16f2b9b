#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/publish_file.h"
#include "base/system_error.h"
#include "base/unique_fd.h"

namespace qed {
namespace {

// 0, or the errno of the write that failed.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

// Offset just behind the last newline: the length of the whole lines.
Result<int64_t> EndOfLastLine(int fd, int64_t size, const std::string& path) {
  std::array<char, 4096> buffer;
  int64_t end = size;
  while (end > 0) {
    const int64_t begin = std::max<int64_t>(0, end - static_cast<int64_t>(buffer.size()));
    const ssize_t got = ::pread(fd, buffer.data(), static_cast<size_t>(end - begin), begin);
    if (got < 0 && errno == EINTR) continue;
    if (got != end - begin) return SystemError("read", path, got < 0 ? errno : EIO);
    const std::string_view chunk(buffer.data(), static_cast<size_t>(got));
    const size_t newline = chunk.rfind('\n');
    if (newline != chunk.npos) return begin + static_cast<int64_t>(newline) + 1;
    end = begin;
  }
  return int64_t{0};
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open", path, errno);
  // The size in the file system may lie (pipes, /proc): read until the end.
  std::string content;
  std::string chunk(size_t{1} << 16, '\0');
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path, errno);
    if (got == 0) return content;
    if (static_cast<size_t>(got) > max_bytes - content.size()) {
      return ResourceExhausted(path + " is larger than the " + std::to_string(max_bytes) +
                               " bytes that are read of it");
    }
    content.append(chunk, 0, static_cast<size_t>(got));
  }
}

Status WriteFileAtomic(const std::string& path, std::string_view content) {
  QED_ASSIGN_OR_RETURN(const auto file, AtomicFile::Create(path));
  QED_RETURN_IF_ERROR(file->Write(content));
  return file->Commit();
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  std::string temporary =
      path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter.fetch_add(1));
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                     S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  if (!fd.valid()) return SystemError("write", path, errno);
  return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(temporary), std::move(fd)));
}

AtomicFile::AtomicFile(std::string path, std::string temporary, UniqueFd fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::Write(std::string_view bytes) {
  QED_CHECK(!temporary_.empty()) << path_ << " was committed";
  const int error = WriteAll(fd_.get(), bytes);
  if (error != 0) return SystemError("write", path_, error);
  // Of large files the disk writes while more is made; Commit waits for the rest, and tells of
  // errors.
  constexpr size_t kLarge = size_t{1} << 20;
  if (bytes.size() >= kLarge) ::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return OkStatus();
}

Status AtomicFile::Commit() { return PublishFile(std::exchange(temporary_, {}), path_); }

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError("open", path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError("read", path, errno);
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + " is not a regular file");
  const size_t size = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) return SystemError("map", path, errno);
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::Forget(std::span<const std::byte> part) const {
  if (part.empty() || part.data() < data_ || part.data() + part.size() > data_ + size_) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::unique_ptr<AppendFile>> AppendFile::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                     S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  if (!fd.valid()) return SystemError("open", path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError("read", path, errno);
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + " is not a regular file");
  QED_ASSIGN_OR_RETURN(const int64_t end, EndOfLastLine(fd.get(), info.st_size, path));
  if (end < info.st_size && ::ftruncate(fd.get(), end) != 0) {
    return SystemError("truncate", path, errno);
  }
  QED_RETURN_IF_ERROR(SyncFolderOf(path));
  return std::unique_ptr<AppendFile>(new AppendFile(path, std::move(fd)));
}

AppendFile::AppendFile(std::string path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

Status AppendFile::AppendLine(std::string_view line) {
  QED_CHECK(line.find('\n') == line.npos) << "a line holds no newline";
  const off_t before = ::lseek(fd_.get(), 0, SEEK_END);
  if (before < 0) return SystemError("write", path_, errno);
  std::string bytes;
  bytes.reserve(line.size() + 1);
  bytes.append(line).push_back('\n');
  if (const int error = WriteAll(fd_.get(), bytes); error != 0) {
    // Takes back a torn line, so that a later one (after space was made) starts
    // clean. Where even that fails, Open will cut it off.
    [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), before);
    return SystemError("write", path_, error);
  }
  if (::fdatasync(fd_.get()) != 0) return SystemError("sync", path_, errno);
  return OkStatus();
}

}  // namespace qed
