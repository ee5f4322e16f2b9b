// Where a model runs, as the command line says it.
#ifndef QED_CONFIG_DEVICE_SPEC_H_
#define QED_CONFIG_DEVICE_SPEC_H_

#include <charconv>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace qed {

struct DeviceSpec {
  enum class Kind {
    kAuto,  // the first GPU if this program can use it, else the CPU
    kCpu,
    kCuda,
  };
  Kind kind = Kind::kAuto;
  int32_t ordinal = 0;  // of the GPU
};

// The value of --device: auto, cpu, cuda (the first) or cuda:N.
inline Result<DeviceSpec> ParseDeviceSpec(const std::string& text) {
  if (text == "auto") return DeviceSpec{DeviceSpec::Kind::kAuto, 0};
  if (text == "cpu") return DeviceSpec{DeviceSpec::Kind::kCpu, 0};
  if (text == "cuda") return DeviceSpec{DeviceSpec::Kind::kCuda, 0};
  constexpr size_t kPrefix = sizeof("cuda:") - 1;
  if (text.starts_with("cuda:") && text.size() > kPrefix && text.size() <= kPrefix + 4) {
    DeviceSpec spec{DeviceSpec::Kind::kCuda, 0};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + kPrefix, end, spec.ordinal);
    if (error == std::errc() && stop == end && spec.ordinal >= 0) return spec;
  }
  return InvalidArgument("--device is \"" + text + "\"; it must be auto, cpu, cuda or cuda:N");
}

}  // namespace qed

#endif  // QED_CONFIG_DEVICE_SPEC_H_
