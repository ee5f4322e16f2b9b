// qed report: a run's records as one HTML page.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "base/file.h"
#include "cli/commands.h"
#include "solve/report_page.h"

namespace qed {
namespace {

struct ReportFlags {
  std::string folder;
  std::string output;
  std::string title;
};

Status RunReport(const ReportFlags& flags) {
  QED_ASSIGN_OR_RETURN(const RunRecords records, ReadRunRecords(flags.folder));
  const std::filesystem::path folder = std::filesystem::path(flags.folder).lexically_normal();
  const bool is_folder = std::filesystem::is_directory(folder);
  const std::filesystem::path home = is_folder ? folder : folder.parent_path();
  const std::string name =
      home.filename().empty() ? home.parent_path().filename().string() : home.filename().string();
  const std::string title = !flags.title.empty() ? flags.title : "QED: " + name;
  const std::string output = !flags.output.empty() ? flags.output : (home / "report.html").string();
  QED_RETURN_IF_ERROR(WriteFileAtomic(output, ReportPage(records, title)));
  std::printf("%s\n", output.c_str());
  return OkStatus();
}

}  // namespace

CLI::App* AddReportCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand("report", "Show a run as one HTML page.");
  command->add_option("folder", flags->folder, "a run's --output folder or its samples.jsonl")
      ->required();
  command->add_option("--output", flags->output,
                      "the page; report.html in the folder if not given");
  command->add_option("--title", flags->title, "of the page; the folder's name if not given");
  run = [flags] { return RunReport(*flags); };
  return command;
}

}  // namespace qed
