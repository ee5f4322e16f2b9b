// The subcommands of `qed`, one file each (cmd_<name>.cc).
//
// An Add function registers its subcommand and flags with `app` and sets `run`
// to what carries it out once the arguments were parsed. `run` returns an error
// for a failed run (exit code 1) and kInvalidArgument for unusable arguments
// (exit code 2); main prints the one line.
#ifndef QED_CLI_COMMANDS_H_
#define QED_CLI_COMMANDS_H_

#include <functional>

#include "CLI/CLI.hpp"
#include "base/status.h"

namespace qed {

using CommandRun = std::function<Status()>;

inline constexpr char kVersion[] = "qed 0.1.0";

CLI::App* AddBenchCommand(CLI::App& app, CommandRun& run);
CLI::App* AddBuildCommand(CLI::App& app, CommandRun& run);
CLI::App* AddCalibrationSetCommand(CLI::App& app, CommandRun& run);
CLI::App* AddCompletionCommand(CLI::App& app, CommandRun& run);
CLI::App* AddDownloadCommand(CLI::App& app, CommandRun& run);
CLI::App* AddGenerateCommand(CLI::App& app, CommandRun& run);
CLI::App* AddHelpCommand(CLI::App& app, CommandRun& run);
CLI::App* AddInspectCommand(CLI::App& app, CommandRun& run);
CLI::App* AddQuantizeCommand(CLI::App& app, CommandRun& run);
CLI::App* AddReplayCommand(CLI::App& app, CommandRun& run);
CLI::App* AddReportCommand(CLI::App& app, CommandRun& run);
CLI::App* AddSandboxCommand(CLI::App& app, CommandRun& run);
CLI::App* AddServeCommand(CLI::App& app, CommandRun& run);
CLI::App* AddSolveCommand(CLI::App& app, CommandRun& run);
CLI::App* AddTokenizeCommand(CLI::App& app, CommandRun& run);
CLI::App* AddVersionCommand(CLI::App& app, CommandRun& run);

}  // namespace qed

#endif  // QED_CLI_COMMANDS_H_
