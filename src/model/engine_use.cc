#include "model/engine_use.h"

#include <string>

#include "checkpoint/engine_folder.h"

namespace qed {

Status CheckEngineUse(const Checkpoint& checkpoint, const Adapter* adapter,
                      const EngineConfig& config, PackedFor device) {
  if (!checkpoint.engine) return OkStatus();
  const EngineFolder& engine = *checkpoint.engine;
  const std::string& path = checkpoint.path;
  if (engine.ranks.size() > 1) {
    return Unsupported(path + " is packed for " + std::to_string(engine.ranks.size()) +
                       " ranks, and one process is one rank: qed build --tp-size 1 packs it whole");
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
