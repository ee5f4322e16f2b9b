#include "base/publish_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/system_error.h"
#include "base/unique_fd.h"

namespace qed {

Status PublishFile(const std::string& temporary, const std::string& path) {
  Status status;
  {
    const UniqueFd fd(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
      status = SystemError("write", path, errno);
    } else if (::fsync(fd.get()) != 0) {
      status = SystemError("sync", path, errno);
    }
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError("write", path, errno);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncFolderOf(path);
}

Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  std::string folder = ".";
  if (slash != std::string::npos) folder = slash == 0 ? "/" : path.substr(0, slash);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open", folder, errno);
  // Some file systems cannot sync a folder and say EINVAL; there is no better way there.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return SystemError("sync", folder, errno);
  return OkStatus();
}

}  // namespace qed
