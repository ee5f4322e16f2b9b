#include "cli/device.h"

#include <string>

#include "config/device_spec.h"

namespace qed {

Result<std::optional<cuda::DeviceInfo>> OpenDeviceFor(const std::string& flag, int32_t index) {
  QED_ASSIGN_OR_RETURN(const DeviceSpec spec, ParseDeviceSpec(flag));
  if (spec.kind == DeviceSpec::Kind::kCpu) return std::optional<cuda::DeviceInfo>();
  Result<cuda::DeviceInfo> opened = cuda::OpenDevice(spec.ordinal + index);
  if (opened.ok()) return std::optional<cuda::DeviceInfo>(*std::move(opened));
  // With no GPU at all, auto means the CPU for all processes of the host.
  const bool none = index == 0 || !cuda::OpenDevice(spec.ordinal).ok();
  if (spec.kind == DeviceSpec::Kind::kAuto && none) return std::optional<cuda::DeviceInfo>();
  if (index == 0) return opened.status().WithPrefix("--device");
  return opened.status().WithPrefix("--device: " + std::to_string(index) +
                                    " ranks or replicas are before this one on its host, and each "
                                    "needs a GPU of its own");
}

}  // namespace qed
