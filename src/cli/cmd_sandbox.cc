// qed sandbox: the code execution server by itself.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "config/sandbox_config.h"
#include "config/sandbox_server_config.h"
#include "sandbox/server.h"

namespace qed {
namespace {

struct SandboxFlags {
  SandboxServerConfig server;
  SandboxConfig sandbox = DefaultServedSandbox();
};

Status RunSandbox(const SandboxFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.server));
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.sandbox));
  // A log or ready line that nobody reads is no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  const std::atomic<bool>& interrupted = CatchInterrupts();
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<SandboxServer> server,
                       SandboxServer::Start(flags.server, flags.sandbox));
  std::printf("qed sandbox listens on %s (%d cells at a time)\n", server->url().c_str(),
              server->workers());
  for (const std::string& weakness : server->weaker_isolation()) {
    std::printf("weaker isolation: %s\n", weakness.c_str());
  }
  for (const std::string& name : server->absent_packages()) {
    std::printf("programs that import %s fail: %s does not have it\n", name.c_str(),
                flags.sandbox.python.c_str());
  }
  std::fflush(stdout);
  while (!interrupted.load()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server->Drain();
  return OkStatus();
}

}  // namespace

CLI::App* AddSandboxCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<SandboxFlags>();
  CLI::App* command =
      app.add_subcommand("sandbox", "Serve a jail for Python over HTTP, as NeMo-Skills speaks it.");
  AddKnobFlags(*command, flags->server);
  AddKnobFlags(*command, flags->sandbox);
  run = [flags] { return RunSandbox(*flags); };
  return command;
}

}  // namespace qed
