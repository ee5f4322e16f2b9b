#include "parallel/launched_ranks.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

namespace qed {
namespace {

std::optional<LaunchedRank> Find(const std::map<std::string, std::string>& variables) {
  return FindLauncher([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(LaunchedRanksTest, LaunchersAreKnownByWhatTheySay) {
  const auto mpi = Find({{"OMPI_COMM_WORLD_RANK", "2"},
                         {"OMPI_COMM_WORLD_SIZE", "8"},
                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}});
  ASSERT_TRUE(mpi);
  EXPECT_EQ(mpi->rank, 2);
  EXPECT_EQ(mpi->size, 8);
  EXPECT_EQ(mpi->on_host, 4);
  EXPECT_EQ(mpi->index_on_host, 1);
  EXPECT_FALSE(Find({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}})->index_on_host);
  EXPECT_EQ(Find({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}})->rank, 1);
  EXPECT_EQ(Find({{"SLURM_PROCID", "3"}, {"SLURM_STEP_NUM_TASKS", "4"}})->size, 4);
}

TEST(LaunchedRanksTest, OneProcessIsNoRank) {
  EXPECT_FALSE(Find({}));
  EXPECT_FALSE(Find({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}));
  // A batch script of Slurm, which has started this process without srun.
  EXPECT_FALSE(Find({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}));
}

TEST(LaunchedRanksTest, NonsenseIsNoLauncher) {
  EXPECT_FALSE(Find({{"PMI_RANK", "x"}, {"PMI_SIZE", "2"}}));
  EXPECT_FALSE(Find({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}}));
  EXPECT_FALSE(Find({{"PMI_RANK", "-1"}, {"PMI_SIZE", "2"}}));
  EXPECT_FALSE(Find({{"PMI_RANK", "0"}, {"PMI_SIZE", "99999999999999"}}));
}

}  // namespace
}  // namespace qed
