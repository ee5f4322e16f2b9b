// qed build: a checkpoint in, an engine folder out, from which a model starts at once.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/processors.h"
#include "builder/engine_builder.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/random_checkpoint.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/device.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "cli/progress_line.h"
#include "config/build_config.h"
#include "model/weight_reader.h"
#include "text/stand_in_tokenizer.h"

namespace qed {
namespace {

struct BuildFlags {
  std::string checkpoint;
  std::string random_weights;
  std::string adapter = "auto";
  std::string drafter;
  std::string output;
  bool plan_only = false;
  BuildConfig config;
};

Result<Checkpoint> OpenSource(const BuildFlags& flags) {
  if (flags.random_weights.empty()) {
    if (flags.checkpoint.empty()) {
      return InvalidArgument("--checkpoint or --random-weights must be given");
    }
    QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(flags.checkpoint));
    return OpenCheckpoint(path);
  }
  QED_ASSIGN_OR_RETURN(const ModelConfig shape, RandomShape(flags.random_weights));
  Checkpoint checkpoint = MakeRandomCheckpoint(flags.random_weights, shape);
  checkpoint.tokenizer = StandInTokenizer(shape.vocab_size);
  return checkpoint;
}

Result<PackedFor> DeviceOf(const std::string& flag) {
  if (flag == "cpu") return PackedFor::kCpu;
  if (flag == "cuda") return PackedFor::kCuda;
  if (flag != "auto") {
    return InvalidArgument("--device is \"" + flag + "\"; it must be auto, cpu or cuda");
  }
  QED_ASSIGN_OR_RETURN(const auto gpu, OpenDeviceFor("auto"));
  return gpu ? PackedFor::kCuda : PackedFor::kCpu;
}

Result<RecordedLimits> LimitsOf(const BuildConfig& config, const ModelConfig& model) {
  const int32_t context = model.context_length;
  if (config.max_seq_len > context) {
    return InvalidArgument("--max-seq-len is " + std::to_string(config.max_seq_len) +
                           "; the model's context has " + std::to_string(context) + " tokens");
  }
  const int32_t most = config.max_seq_len > 0 ? config.max_seq_len : context;
  if (config.max_input_len >= most) {
    return InvalidArgument("--max-input-len is " + std::to_string(config.max_input_len) +
                           "; a sequence of " + std::to_string(most) +
                           " tokens leaves no room for an answer");
  }
  return RecordedLimits{.max_batch_size = config.max_batch_size,
                        .max_seq_len = config.max_seq_len,
                        .max_input_len = config.max_input_len,
                        .max_num_tokens = config.max_num_tokens};
}

Result<std::optional<Adapter>> OpenAdapterOf(const BuildFlags& flags, const Checkpoint& checkpoint,
                                             std::string& name) {
  if (!flags.random_weights.empty()) return std::optional<Adapter>();
  QED_ASSIGN_OR_RETURN(const std::string flag, ResolveModel(flags.adapter));
  const std::string folder = ChooseAdapter(flag, checkpoint.path);
  if (folder.empty()) return std::optional<Adapter>();
  QED_ASSIGN_OR_RETURN(Adapter adapter, OpenAdapter(folder, checkpoint));
  name = std::filesystem::path(folder).lexically_normal().filename().string();
  return std::optional<Adapter>(std::move(adapter));
}

// Prints what was written and how fast that was.
void SayDone(const std::string& output, const BuiltEngine& built, double seconds) {
  const double gigabytes = static_cast<double>(built.bytes_read + built.bytes_written) / 1e9;
  std::printf("wrote %s in %.2f s: %.3f GB of weights read, %.3f GB written, %.2f GB/s\n",
              output.c_str(), seconds, static_cast<double>(built.bytes_read) / 1e9,
              static_cast<double>(built.bytes_written) / 1e9, gigabytes / seconds);
}

Status RunBuild(const BuildFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.config));
  if (flags.output.empty() && !flags.plan_only) {
    return InvalidArgument("--output must be given, or --plan-only");
  }
  BuildSettings settings;
  settings.ranks = flags.config.tp_size;
  settings.drafter = flags.drafter;
  QED_ASSIGN_OR_RETURN(settings.device, DeviceOf(flags.config.device));
  QED_ASSIGN_OR_RETURN(settings.quantize, ParseWeightRecipe(flags.config.quantize));
  if (settings.device == PackedFor::kCuda && flags.config.quantize == "q8_0") {
    return InvalidArgument("--quantize q8_0 is for a CPU: leave out --device cuda");
  }
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenSource(flags));
  QED_ASSIGN_OR_RETURN(settings.limits, LimitsOf(flags.config, checkpoint.config));
  QED_ASSIGN_OR_RETURN(const std::optional<Adapter> adapter,
                       OpenAdapterOf(flags, checkpoint, settings.adapter));
  const WeightReader reader(checkpoint, adapter ? &*adapter : nullptr);
  QED_ASSIGN_OR_RETURN(const BuildPlan plan, PlanEngine(reader, settings));
  std::fputs(PlanTable(plan, settings).c_str(), stdout);
  std::fflush(stdout);
  if (flags.plan_only) return OkStatus();

  ThreadPool pool(flags.config.threads > 0 ? flags.config.threads : ProcessorsEach());
  ProgressLine line;
  int64_t packed = 0;
  const auto begin = std::chrono::steady_clock::now();
  QED_ASSIGN_OR_RETURN(const BuiltEngine built,
                       WriteEngine(reader, settings, plan, flags.output, pool, [&](int64_t bytes) {
                         packed += bytes;
                         line.Show("packing",
                                   static_cast<double>(packed) / static_cast<double>(plan.bytes));
                       }));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  line.Clear();
  SayDone(flags.output, built, seconds.count());
  return std::fflush(stdout) == 0 ? OkStatus() : IoError("standard output cannot be written");
}

}  // namespace

CLI::App* AddBuildCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<BuildFlags>();
  CLI::App* command =
      app.add_subcommand("build", "Pack a checkpoint into an engine folder, which starts at once.");
  command->add_option("--checkpoint,--model", flags->checkpoint,
                      "GGUF file, HF folder (16-bit or quantized) or a hub's ORG/NAME[@REVISION]");
  command
      ->add_option("--random-weights", flags->random_weights,
                   "in place of a checkpoint, a network with random weights and the shape of one "
                   "of " +
                       RandomShapeNames())
      ->excludes("--checkpoint");
  command->add_option("--output", flags->output, "folder to write; must not exist or be empty");
  command
      ->add_option("--adapter", flags->adapter,
                   "LoRA adapter to merge; auto: the one beside the checkpoint; none")
      ->capture_default_str();
  command->add_option("--drafter", flags->drafter,
                      "drafter's folder, checked and copied into the engine");
  command->add_flag("--plan-only", flags->plan_only, "print the plan and write nothing");
  AddKnobFlags(*command, flags->config);
  run = [flags] { return RunBuild(*flags); };
  return command;
}

}  // namespace qed
