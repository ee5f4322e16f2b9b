// qed serve: a model behind HTTP, as OpenAI's clients know it.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/model_session.h"
#include "cli/ranks.h"
#include "cli/replica_role.h"
#include "cli/serve_replicas.h"
#include "config/sandbox_config.h"
#include "config/serve_config.h"
#include "sandbox/local_sandbox.h"
#include "serve/server.h"
#include "text/chat_template.h"

namespace qed {
namespace {

struct ServeFlags {
  ModelFlags model;
  ServeConfig serve;
  SandboxConfig sandbox;
  bool with_sandbox = false;
};

// The name of a file without its extension, of a folder, or of a shape.
std::string ModelName(const ModelFlags& flags) {
  if (!flags.random_weights.empty()) return flags.random_weights;
  std::filesystem::path name = std::filesystem::path(flags.model).lexically_normal();
  if (name.filename().empty()) name = name.parent_path();
  return name.extension() == ".gguf" ? name.stem().string() : name.filename().string();
}

SamplingParams Defaults(const SamplingDefaults& defaults) {
  SamplingParams params;
  defaults.ApplyTo(&params);
  return params;
}

Status CheckToolLoop(const ServeFlags& flags) {
  const std::string& mode = flags.serve.tool_loop;
  if (mode != "on" && mode != "off") {
    return InvalidArgument("--tool-loop is \"" + mode + "\"; it must be on or off");
  }
  if (mode == "on" && !flags.with_sandbox) {
    return InvalidArgument("--tool-loop on needs --with-sandbox");
  }
  return OkStatus();
}

void LogRequest(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

Status CheckFlags(const ServeFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.serve));
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.sandbox));
  return CheckToolLoop(flags);
}

std::vector<std::string> Names(const ServeFlags& flags) {
  if (!flags.serve.served_model_name.empty()) return flags.serve.served_model_name;
  return {ModelName(flags.model)};
}

Status RunFront(const ServeFlags& flags) {
  QED_RETURN_IF_ERROR(CheckFlags(flags));
  return ServeReplicas(flags.model, flags.serve, Names(flags).front(), flags.with_sandbox);
}

Status RunServe(const ServeFlags& flags) {
  QED_RETURN_IF_ERROR(CheckFlags(flags));
  CatchInterrupts();
  std::unique_ptr<LocalSandbox> sandbox;
  if (flags.with_sandbox) {
    QED_ASSIGN_OR_RETURN(sandbox, LocalSandbox::Create(flags.sandbox));
  }
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<ModelSession> session,
                       ModelSession::Open(flags.model));
  // Without a template that can be carried out, chats are refused, lest prompts be
  // wrong in silence; the rest of the server needs none.
  const Result<ChatTemplate> chat = ChatTemplate::FromTokenizer(session->tokenizer());
  const std::vector<std::string> names = Names(flags);
  const ServedModel model{.engine = session->engine(),
                          .tokenizer = session->tokenizer(),
                          .chat_template = chat.ok() ? &*chat : nullptr,
                          .no_chat_template = chat.status().message(),
                          .sandbox = sandbox.get(),
                          .name = names.front(),
                          .aliases = {names.begin() + 1, names.end()},
                          .max_batch_size = session->config().max_batch_size,
                          .stall_seconds = session->config().stall_seconds,
                          .defaults = Defaults(session->sampling_defaults())};
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<Server> server,
                       Server::Start(model, flags.serve, LogRequest));
  std::printf("serving %s at %s\n", model.name.c_str(), server->url().c_str());
  std::fflush(stdout);
  if (!chat.ok()) {
    std::fprintf(stderr, "qed serve: %s: %s: chat requests are refused, /v1/completions works\n",
                 flags.model.model.c_str(), chat.status().message().c_str());
  }
  WaitForInterrupt(flags.serve.drain_timeout);
  server->Drain();
  return OkStatus();
}

Status Run(ServeFlags& flags) {
  const std::optional<ReplicaRole> role = ParseReplicaRole(std::getenv(kReplicaVariable));
  if (role) TakeReplicaRole(*role, flags.model, flags.serve);
  if (flags.serve.replicas != 1) return RunFront(flags);
  return RunOnRanks(flags.model, [&] { return RunServe(flags); });
}

}  // namespace

CLI::App* AddServeCommand(CLI::App& app, CommandRun& run) {
  CLI::App* command = app.add_subcommand("serve", "Answer HTTP requests as OpenAI's API does");
  auto flags = std::make_shared<ServeFlags>();
  AddModelFlags(*command, flags->model);
  AddRandomWeightsFlag(*command, flags->model);
  AddKnobFlags(*command, flags->serve);
  command->add_flag("--with-sandbox", flags->with_sandbox,
                    "run the model's programs for requests that ask for it");
  AddKnobFlags(*command, flags->sandbox);
  run = [flags] { return Run(*flags); };
  return command;
}

}  // namespace qed
