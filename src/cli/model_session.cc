#include "cli/model_session.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/host_name.h"
#include "base/processors.h"
#include "checkpoint/adapter.h"
#include "checkpoint/drafter_checkpoint.h"
#include "checkpoint/engine_folder.h"
#include "checkpoint/random_checkpoint.h"
#include "cli/default_model.h"
#include "cli/device.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "cli/rank_part.h"
#include "draft/redrafter.h"
#include "draft/simulated_drafter.h"
#include "draft/step_drafter.h"
#include "engine/cpu_step_runner.h"
#include "engine/cuda_step_runner.h"
#include "kernels/op_context.h"
#include "model/leading_model.h"
#include "model/loader.h"
#include "parallel/agreement.h"
#include "parallel/launched_ranks.h"
#include "text/stand_in_tokenizer.h"

namespace qed {
namespace {

// A --drafter that nobody trained, with a head for so many tokens.
constexpr char kRandomDrafter[] = "random";
constexpr int32_t kRandomDrafterTokens = 32768;

Result<Checkpoint> OpenCheckpointFor(const ModelFlags& flags) {
  if (flags.random_weights.empty()) {
    QED_RETURN_IF_ERROR(CheckModelGiven(flags.model));
    return OpenCheckpoint(flags.model);
  }
  QED_ASSIGN_OR_RETURN(const ModelConfig shape, RandomShape(flags.random_weights));
  Checkpoint checkpoint = MakeRandomCheckpoint(flags.random_weights, shape);
  checkpoint.tokenizer = StandInTokenizer(shape.vocab_size);
  return checkpoint;
}

Result<std::optional<Adapter>> OpenAdapterFor(const ModelFlags& flags,
                                              const Checkpoint& checkpoint) {
  if (!flags.random_weights.empty()) return std::optional<Adapter>();
  const std::string folder = ChooseAdapter(flags.adapter, flags.model);
  if (folder.empty()) return std::optional<Adapter>();
  if (checkpoint.engine) {
    return InvalidArgument("--adapter: " + checkpoint.path +
                           " is packed already; give it to qed build");
  }
  QED_ASSIGN_OR_RETURN(Adapter adapter, OpenAdapter(folder, checkpoint));
  return std::optional<Adapter>(std::move(adapter));
}

// An engine's limits are defaults: flags that were given go before.
void TakeLimits(const ModelFlags& flags, const RecordedLimits& recorded, EngineConfig& config) {
  if (flags.app == nullptr) return;
  const auto take = [&](const char* flag, int32_t value, int32_t& to) {
    if (value > 0 && flags.app->count(flag) == 0) to = value;
  };
  take("--max-batch-size", recorded.max_batch_size, config.max_batch_size);
  take("--max-seq-len", recorded.max_seq_len, config.max_seq_len);
  take("--max-input-len", recorded.max_input_len, config.max_input_len);
  take("--max-num-tokens", recorded.max_num_tokens, config.max_num_tokens);
}

bool IsSlowOnACpu(const Checkpoint& checkpoint) {
  if (!checkpoint.engine) return !checkpoint.quantization.empty();
  const std::vector<PackedTensor>& tensors = checkpoint.engine->ranks.front().weights.tensors;
  return std::ranges::any_of(tensors, [](const PackedTensor& packed) {
    return packed.format == WeightFormat::kFp8 || packed.format == WeightFormat::kInt8;
  });
}

// What of the choice of kernels a user of a CPU wants to know.
void SayHowWeightsAreComputed(const Checkpoint& checkpoint, const EngineConfig& config,
                              double conversion_error) {
  if (conversion_error > 0) {
    std::fprintf(stderr,
                 "--quantize q8_0 changed the linears' weights by %.2f %% (root of mean square)\n",
                 100 * conversion_error);
  } else if (IsSlowOnACpu(checkpoint) && config.quantize == "none" && config.compute != "f32") {
    std::fprintf(stderr,
                 "%s: %s; a CPU computes these exactly and slowly, %s--quantize q8_0 is fast\n",
                 checkpoint.path.c_str(), checkpoint.quantization.c_str(),
                 checkpoint.engine ? "an engine built with " : "");
  }
}

}  // namespace

void AddModelFlags(CLI::App& app, ModelFlags& flags) {
  flags.model = DefaultModel();
  flags.app = &app;
  app.add_option("--model", flags.model,
                 "GGUF file, HF folder, engine folder (qed build) or a hub's "
                 "ORG/NAME[@REVISION]; without it the default "
                 "model (scripts/get-model)");
  app.add_option("--adapter", flags.adapter,
                 "LoRA adapter (PEFT folder, or a hub's ORG/NAME) to merge into the model; auto: "
                 "the folder named like "
                 "the model, with .adapter at the end, where there is one; none")
      ->capture_default_str();
  app.add_option("--drafter", flags.drafter,
                 "ReDrafter head (folder) that guesses tokens ahead; auto: with --draft auto the "
                 "folder named like the model, with .drafter at the end, where there is one; none; "
                 "random: what one costs (bench --acceptance on a GPU)")
      ->capture_default_str();
  AddKnobFlags(app, flags.engine);
}

void AddRandomWeightsFlag(CLI::App& app, ModelFlags& flags) {
  app.add_option("--random-weights", flags.random_weights,
                 "in place of a model, a network with random weights and the shape of one of " +
                     RandomShapeNames())
      ->excludes("--model")
      ->excludes("--adapter");
}

Result<ModelFlags> ResolveNames(ModelFlags flags) {
  if (!flags.random_weights.empty()) return flags;
  QED_ASSIGN_OR_RETURN(flags.model, ResolveModel(flags.model));
  QED_ASSIGN_OR_RETURN(flags.adapter, ResolveModel(flags.adapter));
  return flags;
}

Result<std::unique_ptr<ModelSession>> ModelSession::Open(const ModelFlags& given) {
  QED_RETURN_IF_ERROR(ValidateKnobs(given.engine));
  QED_ASSIGN_OR_RETURN(const ModelFlags flags, ResolveNames(given));
  std::unique_ptr<ModelSession> session(new ModelSession);
  session->config_ = flags.engine;
  session->gpus_before_ = flags.gpus_before;
  EngineConfig& config = session->config_;
  if (config.threads == 0) config.threads = ProcessorsEach();

  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpointFor(flags));
  QED_ASSIGN_OR_RETURN(const std::optional<cuda::DeviceInfo> gpu,
                       session->OpenDevice(flags, checkpoint));
  session->sampling_defaults_ = checkpoint.sampling_defaults;
  QED_ASSIGN_OR_RETURN(session->tokenizer_, Tokenizer::Create(checkpoint.tokenizer));
  QED_ASSIGN_OR_RETURN(const std::optional<Adapter> adapter, OpenAdapterFor(flags, checkpoint));
  session->pool_ = std::make_unique<ThreadPool>(config.threads);
  std::optional<DrafterCheckpoint> head;
  QED_ASSIGN_OR_RETURN(std::unique_ptr<Drafter> drafter,
                       session->OpenDrafterFor(flags, checkpoint, gpu.has_value(), head));
  QED_ASSIGN_OR_RETURN(std::unique_ptr<StepRunner> runner,
                       session->Load(checkpoint, adapter ? &*adapter : nullptr,
                                     head ? &*head : nullptr, gpu, flags.ranks));
  session->model_config_ = runner->config();
  Result<std::unique_ptr<Engine>> engine =
      Engine::Create(std::move(runner), *session->tokenizer_, config, std::move(drafter));
  if (!engine.ok()) return engine.status().WithPrefix(checkpoint.path);
  session->engine_ = *std::move(engine);
  return session;
}

Result<std::optional<cuda::DeviceInfo>> ModelSession::OpenDevice(const ModelFlags& flags,
                                                                 const Checkpoint& checkpoint) {
  if (checkpoint.engine) {
    TakeLimits(flags, checkpoint.engine->limits, config_);
    const bool for_cpu = checkpoint.engine->device == PackedFor::kCpu;
    if (config_.device == "auto" && for_cpu) config_.device = "cpu";
  }
  const std::optional<LaunchedRank> launched = FindLauncher();
  QED_ASSIGN_OR_RETURN(
      std::optional<cuda::DeviceInfo> gpu,
      OpenDeviceFor(config_.device,
                    gpus_before_ + (launched ? launched->index_on_host.value_or(0) : 0)));
  if (gpu && config_.compute == "f32") {
    if (config_.device != "auto") {
      return InvalidArgument("--compute f32 runs on the CPU alone: leave out --device");
    }
    gpu.reset();
  }
  device_name_ =
      gpu ? gpu->name
          : "CPU, " + std::to_string(config_.threads) + " threads, " + IsaName(DetectIsa());
  return gpu;
}

Result<std::unique_ptr<Drafter>> ModelSession::OpenDrafterFor(
    const ModelFlags& flags, const Checkpoint& checkpoint, bool on_gpu,
    std::optional<DrafterCheckpoint>& head) {
  const auto make_room = [&] {
    config_.max_logit_rows = std::max(config_.max_logit_rows, DraftRows(config_));
  };
  if (flags.drafter == kRandomDrafter) {
    if (!on_gpu || flags.acceptance.empty()) {
      return InvalidArgument(
          "--drafter random measures what a head costs: on a GPU, with --acceptance");
    }
    head = MakeRandomDrafter(checkpoint.config, kRandomDrafterTokens);
  }
  if (!flags.acceptance.empty()) {
    QED_ASSIGN_OR_RETURN(std::vector<double> rates, ParseAcceptance(flags.acceptance));
    config_.max_drafts = static_cast<int32_t>(rates.size());
    config_.draft = "none";  // but for these
    make_room();
    return std::unique_ptr<Drafter>(
        std::make_unique<SimulatedDrafter>(std::move(rates), checkpoint.config.vocab_size));
  }
  std::string folder = ChooseDrafter(flags.drafter, flags.model);
  if (flags.drafter == "auto" && checkpoint.engine && checkpoint.engine->has_drafter) {
    folder = checkpoint.path + "/" + kEngineDrafter;
  }
  const bool named = flags.drafter != "auto";
  if (folder.empty() || flags.engine.draft == "none" || !flags.random_weights.empty() ||
      (flags.engine.draft == "suffix" && !named)) {
    return std::unique_ptr<Drafter>();
  }
  if (named) config_.draft = "suffix";  // Who names a head hears where it does not pay.
  QED_ASSIGN_OR_RETURN(DrafterCheckpoint drafter, OpenDrafter(folder, checkpoint));
  if (on_gpu) {
    head = std::move(drafter);
    make_room();
    return std::unique_ptr<Drafter>(std::make_unique<StepDrafter>());
  }
  constexpr int32_t kChains = 32;
  QED_ASSIGN_OR_RETURN(
      RedrafterNetwork network,
      RedrafterNetwork::Load(drafter, checkpoint, kChains, flags.engine.compute == "f32", *pool_));
  make_room();
  return std::unique_ptr<Drafter>(std::make_unique<Redrafter>(std::move(network)));
}

Result<std::unique_ptr<StepRunner>> ModelSession::Load(const Checkpoint& checkpoint,
                                                       const Adapter* adapter,
                                                       const DrafterCheckpoint* head,
                                                       const std::optional<cuda::DeviceInfo>& gpu,
                                                       Communicator* ranks) {
  if (gpu) {
    RankGroup group;
    if (ranks != nullptr) {
      group = {ranks, NetworkFingerprint(checkpoint, adapter != nullptr, config_),
               config_.stall_seconds};
      TellToLoad(config_, /*on_gpu=*/true, *ranks);
      QED_RETURN_IF_ERROR(OpenRanksDevice(config_, gpus_before_, *ranks).status());
    }
    QED_ASSIGN_OR_RETURN(CudaRunner made, MakeCudaStepRunner(checkpoint, adapter, head, config_,
                                                             *gpu, *pool_, group));
    std::fputs(made.memory.Table().c_str(), stderr);
    footprint_ = made.footprint;
    return std::move(made.runner);
  }
  double conversion_error = 0;
  if (ranks != nullptr) {
    QED_ASSIGN_OR_RETURN(
        std::unique_ptr<Decoder> decoder,
        LoadFirstPart(checkpoint, adapter, config_, *pool_, *ranks, &conversion_error));
    model_ = std::make_unique<LeadingModel>(std::move(decoder), *ranks);
  } else {
    QED_ASSIGN_OR_RETURN(model_,
                         LoadModel(checkpoint, adapter, config_, *pool_, &conversion_error));
  }
  SayHowWeightsAreComputed(checkpoint, config_, conversion_error);
  footprint_ = model_->footprint();
  return std::unique_ptr<StepRunner>(std::make_unique<CpuStepRunner>(*model_, *pool_));
}

namespace {

// What another rank than the first has of the model, on a GPU.
Status FollowOnOwnGpu(const ModelFlags& given, const EngineConfig& config, ThreadPool& pool,
                      Communicator& ranks) {
  bool loading = false;
  const auto follow = [&]() -> Status {
    QED_ASSIGN_OR_RETURN(const cuda::DeviceInfo device,
                         OpenRanksDevice(config, given.gpus_before, ranks));
    QED_ASSIGN_OR_RETURN(const ModelFlags flags, ResolveNames(given));
    QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpointFor(flags));
    QED_ASSIGN_OR_RETURN(const std::optional<Adapter> adapter, OpenAdapterFor(flags, checkpoint));
    const RankGroup group = {&ranks, NetworkFingerprint(checkpoint, adapter.has_value(), config),
                             config.stall_seconds};
    loading = true;  // which tells of its own errors
    return FollowOnGpu(checkpoint, adapter ? &*adapter : nullptr, config, device, pool, group);
  };
  const Status followed = follow();
  if (loading) return followed;
  return AgreeOnNetwork(ranks, {.status = followed, .host = HostName()});
}

// On a CPU.
void FollowOnCpu(const ModelFlags& given, const EngineConfig& config, ThreadPool& pool,
                 Communicator& ranks) {
  const auto open = [&](uint64_t& fingerprint) -> Result<std::unique_ptr<Decoder>> {
    QED_ASSIGN_OR_RETURN(const ModelFlags flags, ResolveNames(given));
    QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpointFor(flags));
    QED_ASSIGN_OR_RETURN(const std::optional<Adapter> adapter, OpenAdapterFor(flags, checkpoint));
    fingerprint = NetworkFingerprint(checkpoint, adapter.has_value(), config);
    return LoadDecoder(checkpoint, adapter ? &*adapter : nullptr, config, pool, nullptr, &ranks);
  };
  uint64_t fingerprint = 0;
  Result<std::unique_ptr<Decoder>> part = open(fingerprint);
  if (AgreeOnPart(part, fingerprint, config, ranks).ok()) FollowSteps(**part, ranks);
}

}  // namespace

Status FollowFirstRank(const ModelFlags& given, Communicator& ranks) {
  EngineConfig config = given.engine;
  bool on_gpu = false;
  if (!TakeFirstRanksSizes(ranks, config, on_gpu)) return OkStatus();
  ThreadPool pool(config.threads);
  if (on_gpu) return FollowOnOwnGpu(given, config, pool, ranks);
  FollowOnCpu(given, config, pool, ranks);
  return OkStatus();
}

}  // namespace qed
