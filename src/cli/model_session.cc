#include "cli/model_session.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "checkpoint/adapter.h"
#include "cli/default_model.h"
#include "cli/flags.h"
#include "model/loader.h"

namespace qed {

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

Result<std::unique_ptr<ModelSession>> ModelSession::Open(const ModelFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.engine));
  std::unique_ptr<ModelSession> session(new ModelSession);
  session->config_ = flags.engine;
  EngineConfig& config = session->config_;
  if (config.threads == 0) {
    config.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  QED_RETURN_IF_ERROR(CheckModelGiven(flags.model));
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(flags.model));
  session->sampling_defaults_ = {checkpoint.default_temperature, checkpoint.default_top_p,
                                 checkpoint.default_top_k};
  QED_ASSIGN_OR_RETURN(session->tokenizer_, Tokenizer::Create(checkpoint.tokenizer));
  std::optional<Adapter> adapter;
  const std::string adapter_folder = ChooseAdapter(flags.adapter, flags.model);
  if (!adapter_folder.empty()) {
    QED_ASSIGN_OR_RETURN(adapter, OpenAdapter(adapter_folder, checkpoint));
  }
  session->pool_ = std::make_unique<ThreadPool>(config.threads);
  QED_ASSIGN_OR_RETURN(session->model_, LoadModel(checkpoint, adapter ? &*adapter : nullptr, config,
                                                  *session->pool_));
  Result<std::unique_ptr<Engine>> engine =
      Engine::Create(*session->model_, *session->tokenizer_, config, *session->pool_);
  if (!engine.ok()) return engine.status().WithPrefix(flags.model);
  session->engine_ = *std::move(engine);
  return session;
}

}  // namespace qed
