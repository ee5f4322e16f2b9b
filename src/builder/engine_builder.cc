#include "builder/engine_builder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/checksum.h"
#include "base/file.h"
#include "base/pending_folder.h"
#include "builder/rank_writer.h"
#include "checkpoint/drafter_checkpoint.h"
#include "checkpoint/engine_manifest.h"
#include "checkpoint/side_files.h"
#include "checkpoint/tokenizer_file.h"
#include "model/gpu_weight_packer.h"
#include "model/weights.h"
#include "tensor/aligned_buffer.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

std::string LastName(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

// What the linears are, in words.
std::string QuantizationText(const Checkpoint& checkpoint, const BuildSettings& settings) {
  if (settings.quantize) return RecipeText(*settings.quantize);
  return checkpoint.quantization;
}

class EngineWriter {
 public:
  EngineWriter(const WeightReader& reader, const BuildSettings& settings, const BuildPlan& plan,
               PendingFolder folder, ThreadPool& pool, const std::function<void(int64_t)>& done)
      : reader_(reader),
        checkpoint_(reader.checkpoint()),
        settings_(settings),
        plan_(plan),
        folder_(std::move(folder)),
        pool_(pool),
        done_(done) {}

  Result<BuiltEngine> Write() {
    engine_.device = settings_.device;
    engine_.source = LastName(checkpoint_.path);
    engine_.quantization = QuantizationText(checkpoint_, settings_);
    engine_.adapter = settings_.adapter;
    engine_.fingerprint = ModelFingerprint(checkpoint_);
    engine_.limits = settings_.limits;
    QED_RETURN_IF_ERROR(WriteTokenizer());
    if (!settings_.drafter.empty()) QED_RETURN_IF_ERROR(CopyDrafter());
    for (size_t rank = 0; rank < plan_.ranks.size(); ++rank) {
      QED_RETURN_IF_ERROR(WriteRank(rank));
    }
    QED_RETURN_IF_ERROR(
        WriteFileAtomic(folder_.File(kEngineManifest), EngineManifestJson(checkpoint_, engine_)));
    QED_RETURN_IF_ERROR(folder_.Commit());
    return built_;
  }

 private:
  // Notes a file that is in the folder.
  Status AddFile(const std::string& name) {
    QED_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(folder_.File(name)));
    engine_.files.push_back(
        {name, static_cast<int64_t>(file->bytes().size()), Checksum(file->bytes())});
    return OkStatus();
  }

  Status Copy(const std::string& from, const std::string& name) {
    QED_RETURN_IF_ERROR(folder_.CopyFile(from, name));
    return AddFile(name);
  }

  Status WriteTokenizer() {
    if (checkpoint_.format == "hf") {
      QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, SideFiles(checkpoint_.path));
      for (const std::string& name : names) {
        QED_RETURN_IF_ERROR(Copy(checkpoint_.path + "/" + name, name));
      }
      return OkStatus();
    }
    QED_ASSIGN_OR_RETURN(const std::string text, TokenizerSpecJson(checkpoint_.tokenizer));
    QED_RETURN_IF_ERROR(WriteFileAtomic(folder_.File(kEngineTokenizer), text));
    return AddFile(kEngineTokenizer);
  }

  Status CopyDrafter() {
    QED_ASSIGN_OR_RETURN(const DrafterCheckpoint drafter,
                         OpenDrafter(settings_.drafter, checkpoint_));
    QED_RETURN_IF_ERROR(folder_.MakeSubfolder(kEngineDrafter));
    std::vector<std::string> names;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(settings_.drafter, error)) {
      std::string name = entry.path().filename().string();
      std::error_code ignored;
      if (!name.starts_with('.') && entry.is_regular_file(ignored)) names.push_back(name);
    }
    if (error) return IoError("cannot read " + settings_.drafter + ": " + error.message());
    std::ranges::sort(names);
    for (const std::string& name : names) {
      QED_RETURN_IF_ERROR(
          Copy(settings_.drafter + "/" + name, std::string(kEngineDrafter) + "/" + name));
    }
    return OkStatus();
  }

  // Packs tensor by tensor, each into the same memory.
  Status WriteRank(size_t index) {
    const WeightLayout& layout = plan_.ranks[index];
    EngineRank rank;
    rank.file = "rank" + std::to_string(index) + ".weights";
    rank.weights = {.device = layout.device, .tensors = {}, .bytes = layout.bytes};
    QED_ASSIGN_OR_RETURN(RankWriter writer, RankWriter::Create(folder_.File(rank.file)));
    QED_ASSIGN_OR_RETURN(AlignedBuffer memory,
                         AlignedBuffer::Allocate(static_cast<size_t>(plan_.largest_bytes)));
    CpuWeightPacker cpu(reader_, settings_.quantize);
    const GpuWeightPacker gpu(reader_, settings_.quantize);
    for (const LaidTensor& laid : layout.tensors) {
      const auto packed = std::span(memory.data(), static_cast<size_t>(laid.packed.bytes));
      std::ranges::fill(packed, std::byte{0});
      if (layout.device == PackedFor::kCpu) {
        cpu.Pack(laid, packed.data(), pool_);
      } else {
        gpu.Pack(laid, packed.data(), pool_);
      }
      QED_RETURN_IF_ERROR(writer.Write(packed));
      rank.weights.tensors.push_back(laid.packed);
      NoteRead(laid);
      if (done_) done_(laid.packed.bytes);
    }
    QED_ASSIGN_OR_RETURN(rank.checksums, writer.Finish());
    built_.bytes_written += layout.bytes;
    engine_.ranks.push_back(std::move(rank));
    return OkStatus();
  }

  // Counts what was read, and lets go of it.
  void NoteRead(const LaidTensor& laid) {
    for (const LaidPart& part : laid.parts) {
      const auto bytes = static_cast<int64_t>(part.tensor->data.size());
      built_.bytes_read += bytes / settings_.ranks;
      checkpoint_.Forget(*part.tensor);
    }
  }

  const WeightReader& reader_;
  const Checkpoint& checkpoint_;
  const BuildSettings& settings_;
  const BuildPlan& plan_;
  PendingFolder folder_;
  ThreadPool& pool_;
  const std::function<void(int64_t)>& done_;
  EngineFolder engine_;
  BuiltEngine built_;
};

}  // namespace

Result<BuildPlan> PlanEngine(const WeightReader& reader, const BuildSettings& settings) {
  const Checkpoint& checkpoint = reader.checkpoint();
  if (checkpoint.engine) {
    return InvalidArgument(checkpoint.path +
                           " is an engine already; build from what it was made of");
  }
  if (Status status = CheckShards(checkpoint, settings.ranks); !status.ok()) {
    return status.WithPrefix(checkpoint.path);
  }
  BuildPlan plan;
  for (int32_t rank = 0; rank < settings.ranks; ++rank) {
    const RankShard shard = {rank, settings.ranks};
    plan.ranks.push_back(settings.device == PackedFor::kCpu
                             ? LayOutForCpu(reader, ComputeMode::kAuto, settings.quantize, shard)
                             : LayOutForGpu(reader, settings.quantize, shard));
    const WeightLayout& layout = plan.ranks.back();
    if (layout.device == PackedFor::kCuda) {
      if (Status status = CheckGpuShapes(layout); !status.ok()) {
        return status.WithPrefix(checkpoint.path);
      }
    }
    plan.bytes += layout.bytes;
    for (const LaidTensor& laid : layout.tensors) {
      plan.largest_bytes = std::max(plan.largest_bytes, laid.packed.bytes);
    }
  }
  return plan;
}

Result<BuiltEngine> WriteEngine(const WeightReader& reader, const BuildSettings& settings,
                                const BuildPlan& plan, const std::string& output, ThreadPool& pool,
                                const std::function<void(int64_t bytes)>& done) {
  QED_ASSIGN_OR_RETURN(PendingFolder folder, PendingFolder::Create(output));
  return EngineWriter(reader, settings, plan, std::move(folder), pool, done).Write();
}

}  // namespace qed
