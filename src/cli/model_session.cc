#include "cli/model_session.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "checkpoint/adapter.h"
#include "checkpoint/random_checkpoint.h"
#include "cli/default_model.h"
#include "cli/device.h"
#include "cli/flags.h"
#include "kernels/op_context.h"
#include "model/loader.h"
#include "text/stand_in_tokenizer.h"

namespace qed {
namespace {

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
  QED_ASSIGN_OR_RETURN(Adapter adapter, OpenAdapter(folder, checkpoint));
  return std::optional<Adapter>(std::move(adapter));
}

}  // namespace

void AddModelFlags(CLI::App& app, ModelFlags& flags) {
  flags.model = DefaultModel();
  app.add_option("--model", flags.model,
                 "GGUF file or HF folder; without it the default model (scripts/get-model)");
  app.add_option("--adapter", flags.adapter,
                 "LoRA adapter (PEFT folder) to merge into the model; auto: the folder named like "
                 "the model, with .adapter at the end, where there is one; none")
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

Result<std::unique_ptr<ModelSession>> ModelSession::Open(const ModelFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.engine));
  std::unique_ptr<ModelSession> session(new ModelSession);
  session->config_ = flags.engine;
  EngineConfig& config = session->config_;
  if (config.threads == 0) {
    config.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  QED_ASSIGN_OR_RETURN(const std::optional<cuda::DeviceInfo> gpu, OpenDeviceFor(config.device));
  if (gpu && config.device != "auto") {
    return Unsupported("--device: " + gpu->name +
                       " is there, but this program cannot run models on it yet; use --device cpu");
  }
  session->device_name_ =
      "CPU, " + std::to_string(config.threads) + " threads, " + IsaName(DetectIsa());
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpointFor(flags));
  session->sampling_defaults_ = {checkpoint.default_temperature, checkpoint.default_top_p,
                                 checkpoint.default_top_k};
  QED_ASSIGN_OR_RETURN(session->tokenizer_, Tokenizer::Create(checkpoint.tokenizer));
  QED_ASSIGN_OR_RETURN(const std::optional<Adapter> adapter, OpenAdapterFor(flags, checkpoint));
  session->pool_ = std::make_unique<ThreadPool>(config.threads);
  QED_ASSIGN_OR_RETURN(session->model_, LoadModel(checkpoint, adapter ? &*adapter : nullptr, config,
                                                  *session->pool_));
  Result<std::unique_ptr<Engine>> engine =
      Engine::Create(*session->model_, *session->tokenizer_, config, *session->pool_);
  if (!engine.ok()) return engine.status().WithPrefix(checkpoint.path);
  session->engine_ = *std::move(engine);
  return session;
}

}  // namespace qed
