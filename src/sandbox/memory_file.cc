#include "sandbox/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace qed {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Status Failed(const char* what) {
  return ResourceExhausted(std::string(what) + ": " + std::strerror(errno));
}

Result<UniqueFd> Written(const char* name, std::string_view content) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Failed("memfd_create");
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed("write to a file in memory");
    content.remove_prefix(static_cast<size_t>(written));
  }
  return fd;
}

}  // namespace

Result<UniqueFd> MemoryFile(const char* name, std::string_view content) {
  QED_ASSIGN_OR_RETURN(UniqueFd fd, Written(name, content));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0 || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return Failed("seal a file in memory");
  }
  return fd;
}

Result<LentFile> LentFile::Create(const char* name, std::string_view content) {
  QED_ASSIGN_OR_RETURN(UniqueFd file, Written(name, content));
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.valid()) return Failed("open a file in memory for reading");
  return LentFile(std::move(file), std::move(reader));
}

LentFile::~LentFile() {
  // Nothing is left to do where it fails: the file goes with its last descriptor.
  if (file_.valid() && ::ftruncate(file_.get(), 0) != 0) return;
}

}  // namespace qed
