// qed: from model weights to voted answers. Parses the command line and hands
// over to the subcommand's file.
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/commands.h"
#include "cli/help.h"
#include "parallel/launched_ranks.h"

namespace qed {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;  // as a shell reports SIGINT

struct Registered {
  CLI::App* app;
  CommandRun run;
};

int Main(int argc, char** argv) {
  CLI::App app("QED answers mathematics problems with a language model.", "qed");
  app.require_subcommand(1);
  app.set_version_flag("-V,--version", kVersion, "print the version");
  app.set_help_flag("-h,--help", "print this page");
  app.footer("qed COMMAND --help explains a command and its flags.");
  app.formatter(std::make_shared<HelpFormatter>());

  using Add = CLI::App* (*)(CLI::App&, CommandRun&);
  constexpr Add kCommands[] = {
      AddSolveCommand,          AddServeCommand,    AddGenerateCommand, AddBenchCommand,
      AddInspectCommand,        AddTokenizeCommand, AddSandboxCommand,  AddDownloadCommand,
      AddCalibrationSetCommand, AddQuantizeCommand, AddBuildCommand,    AddReplayCommand,
      AddReportCommand,         AddHelpCommand,     AddVersionCommand,  AddCompletionCommand};
  std::vector<Registered> commands(std::size(kCommands));
  for (size_t i = 0; i < commands.size(); ++i) commands[i].app = kCommands[i](app, commands[i].run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    // All ranks have the same command line: the first one says what is wrong with it.
    const std::optional<LaunchedRank> launched = FindLauncher();
    if (!launched || launched->rank == 0) {
      std::fprintf(stderr, "qed: %s\n", DescribeParseError(app, error).c_str());
    }
    return kExitUsage;
  }
  for (const Registered& command : commands) {
    if (!command.app->parsed()) continue;
    const Status status = command.run();
    if (status.ok()) return 0;
    std::fprintf(stderr, "qed %s: %s\n", command.app->get_name().c_str(), status.message().c_str());
    if (status.code() == StatusCode::kCancelled) return kExitInterrupted;
    return status.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitFailed;
  }
  return kExitUsage;
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) { return qed::Main(argc, argv); }
