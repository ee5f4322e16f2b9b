#include "parallel/launched_ranks.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/shared_module.h"
#include "parallel/mpi_module.h"

namespace qed {
namespace {

// Where launchers say what a process is: Open MPI, those of MPICH's family, Slurm's own. Not
// SLURM_NTASKS, which a batch script that starts one process sees too.
struct Names {
  const char* rank;
  const char* size;
  const char* on_host;  // null: not said
  const char* index_on_host;
};
constexpr Names kLaunchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                 "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
                                {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"},
                                {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", nullptr, "SLURM_LOCALID"}};

std::optional<int32_t> Number(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  int32_t value = 0;
  const auto read = std::from_chars(view.data(), view.data() + view.size(), value);
  if (read.ec != std::errc() || read.ptr != view.data() + view.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<LaunchedRank> FindLauncher(
    const std::function<const char*(const char* name)>& variable) {
  for (const Names& names : kLaunchers) {
    const std::optional<int32_t> rank = Number(variable(names.rank));
    const std::optional<int32_t> size = Number(variable(names.size));
    if (!rank || !size || *size < 2 || *rank < 0 || *rank >= *size) continue;
    LaunchedRank found = {.rank = *rank, .size = *size};
    const auto on_host = names.on_host == nullptr ? std::nullopt : Number(variable(names.on_host));
    if (on_host && *on_host > 0) found.on_host = *on_host;
    const std::optional<int32_t> index = Number(variable(names.index_on_host));
    if (index && *index >= 0 && *index <= *rank) found.index_on_host = index;
    return found;
  }
  return std::nullopt;
}

std::optional<LaunchedRank> FindLauncher() {
  return FindLauncher([](const char* name) { return std::getenv(name); });
}

Result<std::unique_ptr<RankGroups>> JoinRanks(const RankOptions& options) {
  QED_ASSIGN_OR_RETURN(
      const MpiModule* const module,
      LoadSharedModule<MpiModule>(
          {.file = "libqed_mpi.so",
           .entry = "QedMpiModule",
           .version = kMpiModuleVersion,
           .missing = "this build of QED has no MPI (libqed_mpi.so is not beside it): install "
                      "libopenmpi-dev, configure and build again",
           .shares_symbols = true}));
  return module->Join(options);
}

}  // namespace qed
