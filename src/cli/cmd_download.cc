// qed download: files of a hub's repository, into its cache or a folder.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/download_bar.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "fetch/download.h"

namespace qed {
namespace {

struct DownloadFlags {
  std::string repo;
  std::string type = "model";
  std::string revision;
  std::vector<std::string> include, exclude;
  std::string output;
  DownloadConfig config;
};

Result<Repo> RepoOf(const DownloadFlags& flags) {
  if (flags.type != "model" && flags.type != "dataset") {
    return InvalidArgument("--repo-type is \"" + flags.type + "\"; it must be model or dataset");
  }
  const RepoType type = flags.type == "model" ? RepoType::kModel : RepoType::kDataset;
  if (flags.revision.empty()) return ParseRepo(flags.repo, type);
  if (flags.repo.find('@') != std::string::npos) {
    return InvalidArgument("the revision is given twice: behind the @ and as --revision");
  }
  return ParseRepo(flags.repo + "@" + flags.revision, type);
}

Status RunDownload(const DownloadFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.config));
  DownloadRequest request;
  QED_ASSIGN_OR_RETURN(request.repo, RepoOf(flags));
  QED_ASSIGN_OR_RETURN(const Hub hub, Hub::FromEnvironment());
  // A file that grows beyond the process's limit is then an error of the write.
  std::signal(SIGXFSZ, SIG_IGN);
  request.include = flags.include;
  request.exclude = flags.exclude;
  request.output = flags.output;
  request.config = flags.config;
  request.cancelled = &CatchInterrupts();
  const Clock::Time start = Clock::Real().Now();
  Result<DownloadResult> result = DownloadResult();
  {
    DownloadBar bar(::isatty(STDERR_FILENO) ? stderr : nullptr, Clock::Real());
    request.on_progress = [&bar](const DownloadProgress& progress) { bar.Show(progress); };
    result = Download(hub, request);
  }
  if (!result.ok()) return result.status();
  const double seconds = Seconds(Clock::Real().Now() - start);
  if (::isatty(STDERR_FILENO)) {
    std::fprintf(stderr, "%s: %lld files, %s; fetched %lld of them, %s in %.1f s\n",
                 request.repo.id.c_str(), static_cast<long long>(result->files),
                 BytesText(static_cast<double>(result->bytes)).c_str(),
                 static_cast<long long>(result->fetched_files),
                 BytesText(static_cast<double>(result->fetched_bytes)).c_str(), seconds);
  }
  std::printf("%s\n", result->folder.c_str());
  return OkStatus();
}

}  // namespace

CLI::App* AddDownloadCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<DownloadFlags>();
  CLI::App* command = app.add_subcommand(
      "download", "Fetch a model or a data set from a hub; prints the folder where it is.");
  command->add_option("repo", flags->repo, "ORG/NAME, with @REVISION behind it if wanted")
      ->required();
  command->add_option("--repo-type", flags->type, "model or dataset")->capture_default_str();
  command->add_option("--revision", flags->revision, "branch, tag or commit; without it main");
  command
      ->add_option("--include", flags->include,
                   "only files whose path fits this pattern (* crosses slashes); may be repeated")
      ->allow_extra_args(false);
  command->add_option("--exclude", flags->exclude, "not the files whose path fits this pattern")
      ->allow_extra_args(false);
  command->add_option("--output", flags->output,
                      "plain folder for the files, in place of the hub's cache");
  AddKnobFlags(*command, flags->config);
  run = [flags] { return RunDownload(*flags); };
  return command;
}

}  // namespace qed
