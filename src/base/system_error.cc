#include "base/system_error.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace qed {

Status SystemError(std::string_view verb, const std::string& path, int error) {
  std::string message = "cannot " + std::string(verb) + " " + path + ": " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return NotFound(std::move(message));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return ResourceExhausted(std::move(message));
  }
  return IoError(std::move(message));
}

}  // namespace qed
