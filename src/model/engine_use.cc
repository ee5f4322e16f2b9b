#include "model/engine_use.h"

#include <string>

#include "checkpoint/engine_folder.h"

namespace qed {

Status CheckEngineUse(const Checkpoint& checkpoint, const Adapter* adapter,
                      const EngineConfig& config, PackedFor device, int32_t ranks) {
  if (!checkpoint.engine) return OkStatus();
  const EngineFolder& engine = *checkpoint.engine;
  const std::string& path = checkpoint.path;
  if (engine.ranks.size() != static_cast<size_t>(ranks)) {
    const auto count = [](size_t n) { return std::to_string(n) + (n == 1 ? " rank" : " ranks"); };
    return InvalidArgument(path + " is packed for " + count(engine.ranks.size()) +
                           ", and this is run on " + count(static_cast<size_t>(ranks)) +
                           ": qed build --tp-size " + std::to_string(ranks) + " packs it so");
  }
  if (engine.device != device) {
    const char* name = device == PackedFor::kCpu ? "cpu" : "cuda";
    return InvalidArgument(path + " is packed for " +
                           (device == PackedFor::kCpu ? "a GPU" : "a CPU") +
                           ": run it there, or build it with qed build --device " + name);
  }
  if (config.quantize != "none") {
    return InvalidArgument("--quantize " + config.quantize + ": " + path +
                           " is packed already; give it to qed build");
  }
  if (config.compute == "f32") {
    return InvalidArgument("--compute f32: " + path +
                           " is packed for fast kernels; run what it was built from");
  }
  if (adapter != nullptr) {
    return InvalidArgument("--adapter: " + path + " is packed already; give it to qed build");
  }
  return OkStatus();
}

}  // namespace qed
