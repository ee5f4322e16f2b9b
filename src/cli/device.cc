#include "cli/device.h"

#include "config/device_spec.h"

namespace qed {

Result<std::optional<cuda::DeviceInfo>> OpenDeviceFor(const std::string& flag) {
  QED_ASSIGN_OR_RETURN(const DeviceSpec spec, ParseDeviceSpec(flag));
  if (spec.kind == DeviceSpec::Kind::kCpu) return std::optional<cuda::DeviceInfo>();
  Result<cuda::DeviceInfo> opened = cuda::OpenDevice(spec.ordinal);
  if (opened.ok()) return std::optional<cuda::DeviceInfo>(*std::move(opened));
  if (spec.kind == DeviceSpec::Kind::kAuto) return std::optional<cuda::DeviceInfo>();
  return opened.status().WithPrefix("--device");
}

}  // namespace qed
