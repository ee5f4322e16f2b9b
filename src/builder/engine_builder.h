// Packs a checkpoint into an engine folder (checkpoint/engine_folder.h): first a plan, which
// reads no weights, then the files.
#ifndef QED_BUILDER_ENGINE_BUILDER_H_
#define QED_BUILDER_ENGINE_BUILDER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/engine_folder.h"
#include "model/weight_layout.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct BuildSettings {
  PackedFor device = PackedFor::kCpu;
  int32_t ranks = 1;
  std::optional<WeightRecipe> quantize;  // of the linears, while they are packed
  RecordedLimits limits;
  std::string adapter;  // name of the adapter that is merged, for the manifest; empty: none
  std::string drafter;  // folder; empty: none
};

struct BuildPlan {
  std::vector<WeightLayout> ranks;
  int64_t bytes = 0;          // of all ranks
  int64_t largest_bytes = 0;  // of a tensor: what packing needs of memory beside two pieces
};

// What a build wrote.
struct BuiltEngine {
  int64_t bytes_read = 0;  // of weights
  int64_t bytes_written = 0;
};

// `reader` has the checkpoint and its adapter. kInvalidArgument where the checkpoint is an
// engine or cannot be split so; kUnsupported where a GPU cannot run the shapes.
Result<BuildPlan> PlanEngine(const WeightReader& reader, const BuildSettings& settings);

// A line a tensor, layers with equal lines together: tensor, source, shard, format, bytes.
std::string PlanTable(const BuildPlan& plan, const BuildSettings& settings);

// Writes `output`, which must not exist or be empty; the folder gets its name when it is
// whole. The same bytes for the same checkpoint and settings, whatever the threads. `done` is
// called with bytes that were packed. Errors: of the drafter, of the file system.
Result<BuiltEngine> WriteEngine(const WeightReader& reader, const BuildSettings& settings,
                                const BuildPlan& plan, const std::string& output, ThreadPool& pool,
                                const std::function<void(int64_t bytes)>& done);

}  // namespace qed

#endif  // QED_BUILDER_ENGINE_BUILDER_H_
