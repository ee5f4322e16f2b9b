// What this machine calls itself.
#ifndef QED_BASE_HOST_NAME_H_
#define QED_BASE_HOST_NAME_H_

#include <unistd.h>

#include <array>
#include <string>

namespace qed {

// Empty where the system does not say.
inline std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace qed

#endif  // QED_BASE_HOST_NAME_H_
