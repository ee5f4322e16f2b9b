// What the operating system refused, as a Status: for who calls it himself.
#ifndef QED_BASE_SYSTEM_ERROR_H_
#define QED_BASE_SYSTEM_ERROR_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

// "cannot <verb> <path>: <what this errno says>", with the code that fits: kNotFound,
// kResourceExhausted (no room) or kIoError.
Status SystemError(std::string_view verb, const std::string& path, int error);

}  // namespace qed

#endif  // QED_BASE_SYSTEM_ERROR_H_
