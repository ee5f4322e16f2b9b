// --device: opens what the command line asks for.
#ifndef QED_CLI_DEVICE_H_
#define QED_CLI_DEVICE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "cuda/device.h"

namespace qed {

// The GPU to run on, opened for the calling thread; none: the CPU. `flag` is the
// value of --device; what it asks for and cannot be had is an error, while auto
// takes the CPU where the first GPU cannot be used. Where several processes
// of one run are on this host, `index` GPUs from the flag's on are those of others.
Result<std::optional<cuda::DeviceInfo>> OpenDeviceFor(const std::string& flag, int32_t index = 0);

}  // namespace qed

#endif  // QED_CLI_DEVICE_H_
