#include "parallel/agreement.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/thread_ranks.h"

namespace qed {
namespace {

// What each rank is told. Rank 0 sends the end where the ranks do not agree, as its owner does.
std::vector<Status> Agree(const std::vector<RankReport>& reports) {
  std::vector<Status> told(reports.size());
  ThreadRanks(static_cast<int32_t>(reports.size())).Run([&](Communicator& ranks) {
    const auto rank = static_cast<size_t>(ranks.rank());
    told[rank] = AgreeOnNetwork(ranks, reports[rank]);
    if (rank == 0 && !told[rank].ok()) ShareMessage(ranks, {});
  });
  return told;
}

RankReport Ready(std::string host) {
  return {.status = OkStatus(), .host = std::move(host), .fingerprint = 7, .num_pages = 100};
}

TEST(AgreementTest, RanksThatAreAlikeAreReady) {
  for (const Status& told : Agree({Ready("a"), Ready("a"), Ready("b")})) EXPECT_TRUE(told.ok());
}

TEST(AgreementTest, TheFirstThatIsNotReadyIsNamedOnce) {
  RankReport failed = Ready("there");
  failed.status = NotFound("m.gguf: no such file");
  const std::vector<Status> told = Agree({Ready("here"), failed, failed});
  EXPECT_EQ(told[0].code(), StatusCode::kNotFound);
  EXPECT_EQ(told[0].message(), "rank 1 on there: m.gguf: no such file");
  for (size_t rank : {1, 2}) {
    EXPECT_EQ(told[rank].code(), StatusCode::kCancelled);
    EXPECT_EQ(told[rank].message(), "");
  }
}

TEST(AgreementTest, OtherModelsAndMemoriesAreNamed) {
  RankReport other = Ready("there");
  other.fingerprint = 8;
  EXPECT_EQ(Agree({Ready("here"), other})[0].message(),
            "rank 1 on there has another model or other flags than rank 0 on here: give all ranks "
            "the same");
  RankReport smaller = Ready("there");
  smaller.num_pages = 90;
  EXPECT_THAT(Agree({Ready("here"), Ready("here"), smaller})[0].message(),
              testing::HasSubstr("rank 2 on there has room for 90 KV pages"));
}

TEST(AgreementTest, RanksFindTheirPlaceOnTheirHost) {
  const std::vector<std::string> hosts = {"a", "b", "a", "a", "b"};
  std::vector<int32_t> index(hosts.size()), smallest(hosts.size());
  ThreadRanks(static_cast<int32_t>(hosts.size())).Run([&](Communicator& ranks) {
    const auto rank = static_cast<size_t>(ranks.rank());
    index[rank] = IndexOnHost(ranks, hosts[rank]);
    smallest[rank] = SmallestOfRanks(ranks, rank == 3 ? -7 : ranks.rank());
  });
  EXPECT_EQ(index, (std::vector<int32_t>{0, 0, 1, 2, 1}));
  EXPECT_EQ(smallest, std::vector<int32_t>(hosts.size(), -7));
}

TEST(AgreementTest, LongMessagesAreCut) {
  RankReport failed = Ready(std::string(500, 'h'));
  failed.status = IoError(std::string(5000, 'm'));
  EXPECT_EQ(Agree({Ready("here"), failed})[0].message().size(),
            std::string("rank 1 on : ").size() + 63 + 1023);
}

}  // namespace
}  // namespace qed
