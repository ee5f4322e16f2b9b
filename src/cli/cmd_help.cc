// qed help, qed version, qed completion: about the program itself.
#include <cstdio>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"

namespace qed {
namespace {

Status Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return std::fflush(stdout) == 0 ? OkStatus() : IoError("standard output cannot be written");
}

Status RunHelp(const CLI::App& app, const std::string& name) {
  if (name.empty()) {
    // app.help() would be the page of this command, which is running.
    return Print(app.get_formatter()->make_help(&app, "qed", CLI::AppFormatMode::Normal));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return Print(command->help("qed"));
  }
  return InvalidArgument(UnknownCommand(app, name));
}

}  // namespace

CLI::App* AddHelpCommand(CLI::App& app, CommandRun& run) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("help", "Explain a command");
  command->add_option("command", *name, "the command; without one, all are listed");
  run = [&app, name] { return RunHelp(app, *name); };
  return command;
}

CLI::App* AddVersionCommand(CLI::App& app, CommandRun& run) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  run = [] { return Print(std::string(kVersion) + "\n"); };
  return command;
}

CLI::App* AddCompletionCommand(CLI::App& app, CommandRun& run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print a completion script: source <(qed completion bash)");
  command->add_option("shell", *shell, "bash or zsh")->required();
  run = [&app, shell]() -> Status {
    QED_ASSIGN_OR_RETURN(const std::string script, CompletionScript(app, *shell));
    return Print(script);
  };
  return command;
}

}  // namespace qed
