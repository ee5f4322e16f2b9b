#include "solve/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace qed {
namespace {

// What the holder wrote of itself; "another process" if that cannot be read.
std::string Holder(int fd) {
  std::array<char, 16> buffer;
  const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) return "another process";
  return "process " + std::string(buffer.data(), static_cast<size_t>(got));
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/" + kFileName;
  const int fd =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (fd < 0) return IoError("cannot write to " + folder + ": " + std::strerror(errno));
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return IoError("cannot lock " + path + ": " + std::strerror(errno));
    return Unavailable(folder + " is in use by " + Holder(fd) +
                       "; wait for it, or name another folder");
  }
  // Only for the message above: a full disk must not keep a run from starting.
  const std::string pid = std::to_string(::getpid());
  [[maybe_unused]] const int cleared = ::ftruncate(fd, 0);
  [[maybe_unused]] const ssize_t written = ::pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace qed
