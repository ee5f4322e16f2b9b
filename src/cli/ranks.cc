#include "cli/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "parallel/agreement.h"
#include "parallel/launched_ranks.h"

namespace qed {
namespace {

std::vector<std::string> CommandLine() {
  std::vector<std::string> words;
  const Result<std::string> text = ReadFile("/proc/self/cmdline");
  for (size_t at = 0; text.ok() && at < text->size();) {
    words.emplace_back(text->c_str() + at);
    at += words.back().size() + 1;
  }
  return words;
}

// Becomes mpirun with this command line. Returns only if it cannot.
Status StartLauncher(int32_t size) {
  std::vector<std::string> words = {"mpirun", "--quiet", "-n", std::to_string(size)};
  // Ranks are told apart by what they compute, and each has threads of its own.
  for (const char* word : {"--oversubscribe", "--bind-to", "none"}) words.emplace_back(word);
  const size_t program_at = words.size();
  for (std::string& word : CommandLine()) words.push_back(std::move(word));
  std::error_code error;
  words[program_at] = std::filesystem::read_symlink("/proc/self/exe", error).string();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (::geteuid() == 0) {  // Open MPI wants it said twice
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  std::fprintf(stderr, "--tp-size %d: starting that many ranks with mpirun\n", size);
  ::execvp("mpirun", arguments.data());
  return Unsupported("--tp-size " + std::to_string(size) + ": mpirun cannot be started (" +
                     std::strerror(errno) + "): install openmpi-bin, or start the ranks yourself");
}

// Ends this process when its launcher has ended: nobody else would, and the other ranks are
// told by nobody either.
void EndWithLauncher(int32_t rank) {
  std::thread([rank, launcher = ::getppid()] {
    while (::getppid() == launcher) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (rank == 0)
      std::fprintf(stderr, "qed: the launcher of the ranks has ended, and so do they\n");
    std::_Exit(1);
  }).detach();
}

Status Lead(ModelFlags& flags, Communicator& ranks, const std::function<Status()>& lead) {
  flags.ranks = &ranks;
  Status status = lead();
  flags.ranks = nullptr;
  ShareMessage(ranks, {.kind = RankMessage::Kind::kEnd});
  return status;
}

}  // namespace

Status RunOnRanks(ModelFlags& flags, const std::function<Status()>& lead) {
  const int32_t wanted = flags.engine.tp_size;
  const std::optional<LaunchedRank> launched = FindLauncher();
  if (!launched) return wanted == 1 ? lead() : StartLauncher(wanted);
  if (launched->size != wanted) {
    if (launched->rank > 0) return OkStatus();
    return InvalidArgument("--tp-size is " + std::to_string(wanted) +
                           ", but the launcher has started " + std::to_string(launched->size) +
                           " ranks: give --tp-size " + std::to_string(launched->size));
  }
  EndWithLauncher(launched->rank);
  Result<std::unique_ptr<Communicator>> ranks = JoinRanks();
  if (!ranks.ok()) return launched->rank == 0 ? ranks.status() : OkStatus();
  if (flags.engine.threads == 0) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    flags.engine.threads = std::max(1, cores / launched->on_host);
  }
  if (launched->rank == 0) return Lead(flags, **ranks, lead);
  // The first rank ends the others; until then signals to all of them are its business.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  FollowFirstRank(flags, **ranks);
  return OkStatus();
}

}  // namespace qed
