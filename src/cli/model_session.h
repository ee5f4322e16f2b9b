// A model opened for use: what `generate`, `solve`, `serve` and `bench` share.
#ifndef QED_CLI_MODEL_SESSION_H_
#define QED_CLI_MODEL_SESSION_H_

#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/drafter_checkpoint.h"
#include "config/engine_config.h"
#include "config/model_config.h"
#include "config/sampling_defaults.h"
#include "cuda/device.h"
#include "draft/drafter.h"
#include "engine/engine.h"
#include "model/language_model.h"
#include "parallel/communicator.h"
#include "text/tokenizer.h"

namespace qed {

struct ModelFlags {
  std::string model;  // GGUF file, HF or engine folder, or a hub's name (cli/hub_model.h)
  std::string adapter = "auto";  // PEFT folder; "auto": the one shipped beside the model; "none"
  std::string drafter = "auto";  // folder; "auto": the one shipped beside the model; "none"
  std::string random_weights;    // in place of a model: a shape's name
  // Knows which flags were given: an engine's limits take the place of the others. Set by
  // AddModelFlags; null: `engine` says it all.
  const CLI::App* app = nullptr;
  // Drafts that are right so often (draft/simulated_drafter.h), for replays; empty: none.
  std::string acceptance;
  EngineConfig engine;
  // Of the first of several ranks (cli/ranks.h); must outlive the session.
  Communicator* ranks = nullptr;
  // GPUs of this host, from --device on, that other replicas have (cli/replica_role.h).
  int32_t gpus_before = 0;
};

// Adds --model, --adapter and the engine's knobs; `flags` must live as long as
// the parser. The default of --model is DefaultModel().
void AddModelFlags(CLI::App& app, ModelFlags& flags);

// The flags with paths in place of names at a hub, downloaded where they are not there.
Result<ModelFlags> ResolveNames(ModelFlags flags);

// Adds --random-weights, for commands that can do something with a network that
// was never trained. REQUIRES: AddModelFlags was called.
void AddRandomWeightsFlag(CLI::App& app, ModelFlags& flags);

// Checkpoint, tokenizer, threads, model and engine, in the order in which they
// depend on each other.
class ModelSession {
 public:
  // Errors name the file or flag.
  static Result<std::unique_ptr<ModelSession>> Open(const ModelFlags& flags);

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ModelConfig& model_config() const { return model_config_; }
  ModelFootprint footprint() const { return footprint_; }
  bool on_gpu() const { return model_ == nullptr; }
  // What computes, for reports.
  const std::string& device_name() const { return device_name_; }
  const SamplingDefaults& sampling_defaults() const { return sampling_defaults_; }
  const EngineConfig& config() const { return config_; }
  Engine& engine() { return *engine_; }
  // For work between the engine's steps: only while no request is running.
  ThreadPool& pool() { return *pool_; }
  const ThreadPool& pool() const { return *pool_; }

 private:
  ModelSession() = default;

  // What drafts, where the flags name it: simulated, or a head. Else null. Makes room for its
  // drafts in config_. `head`: the one that Load is to bring to the GPU, if any.
  Result<std::unique_ptr<Drafter>> OpenDrafterFor(const ModelFlags& flags,
                                                  const Checkpoint& checkpoint, bool on_gpu,
                                                  std::optional<DrafterCheckpoint>& head);
  // The device that computes, opened; none: the CPU. Takes an engine's device and limits where
  // the flags leave them open.
  Result<std::optional<cuda::DeviceInfo>> OpenDevice(const ModelFlags& flags,
                                                     const Checkpoint& checkpoint);
  // Loads the model, onto `gpu` if there is one with `head` (or null) beside it, or the part of the
  // first of several ranks.
  Result<std::unique_ptr<StepRunner>> Load(const Checkpoint& checkpoint, const Adapter* adapter,
                                           const DrafterCheckpoint* head,
                                           const std::optional<cuda::DeviceInfo>& gpu,
                                           Communicator* ranks);

  EngineConfig config_;
  int32_t gpus_before_ = 0;
  ModelConfig model_config_;
  ModelFootprint footprint_;
  SamplingDefaults sampling_defaults_;
  std::string device_name_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<LanguageModel> model_;  // none on a GPU, where the engine owns it
  std::unique_ptr<Engine> engine_;        // last: destroyed first
};

// What the other ranks do while the first one has a session: they open the same model and compute
// their part of its steps until it ends. It is told of their errors while they load, and tells
// them: kCancelled here. Not OK otherwise where a GPU fails in a step, after which all must end.
Status FollowFirstRank(const ModelFlags& flags, Communicator& ranks);

}  // namespace qed

#endif  // QED_CLI_MODEL_SESSION_H_
