#include "text/merge_queue.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/sanitizers.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"

namespace qed {
namespace {

constexpr size_t kShort = 10, kLong = 100'000;

// Pushes and pops at random, beside a sorted list.
void CompareWithSortedList(size_t symbols, int32_t ranks, uint32_t seed) {
  std::mt19937 random(seed);
  MergeQueue queue;
  for (int round = 0; round < 3; ++round) {
    queue.Reset(symbols);
    std::vector<std::tuple<int32_t, int32_t>> sorted;
    for (int step = 0; step < 3000; ++step) {
      if (random() % 5 < 3) {
        const auto rank = static_cast<int32_t>(random() % static_cast<uint32_t>(ranks));
        const auto left = static_cast<int32_t>(random() % 500);
        queue.Push({rank, left, rank + 1000});
        sorted.insert(std::ranges::upper_bound(sorted, std::tuple(rank, left)), {rank, left});
        continue;
      }
      MergeQueue::Candidate got;
      ASSERT_EQ(queue.Pop(&got), !sorted.empty());
      if (sorted.empty()) continue;
      EXPECT_EQ(std::tuple(got.rank, got.left), sorted.front());
      EXPECT_EQ(got.id, got.rank + 1000);
      sorted.erase(sorted.begin());
    }
    // What is left must not come up in the next round.
  }
}

TEST(MergeQueueTest, LowestRankThenLeftmost) {
  for (const int32_t ranks : {1, 3, 200}) {
    CompareWithSortedList(kShort, ranks, 1);
    CompareWithSortedList(kLong, ranks, 2);
  }
}

// The definition itself: of all pairs that merge, the lowest rank, then the leftmost.
std::vector<int32_t> MergeByDefinition(
    const std::map<std::pair<int32_t, int32_t>, std::pair<int32_t, int32_t>>& merges,
    std::vector<int32_t> ids) {
  for (;;) {
    size_t best = ids.size();
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto here = merges.find({ids[i], ids[i + 1]});
      if (here == merges.end()) continue;
      if (best == ids.size() || here->second < merges.at({ids[best], ids[best + 1]})) best = i;
    }
    if (best == ids.size()) return ids;
    ids[best] = merges.at({ids[best], ids[best + 1]}).second;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

// A vocabulary over a few letters with random merges, of which some come before the
// merges that make their parts.
TEST(MergeQueueTest, LongWordsBecomeTheTokensOfTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < Rounds(12); ++round) {
    TokenizerDefinition definition;
    std::map<std::string, int32_t> ids;
    for (int byte = 0; byte < 256; ++byte) {
      const std::string text = BytesToAlphabet(std::string(1, static_cast<char>(byte)));
      ids[text] = byte;
      definition.vocab.push_back({text, byte});
    }
    std::vector<std::string> texts = {"a", "b", "c"};
    for (int i = 0; i < 40; ++i) {
      const std::string left = texts[random() % texts.size()],
                        right = texts[random() % texts.size()];
      if (left.size() + right.size() > 40) continue;
      const auto id = static_cast<int32_t>(ids.size());
      if (ids.emplace(left + right, id).second) {
        definition.vocab.push_back({left + right, id});
        texts.push_back(left + right);
      }
      definition.merges.emplace_back(left, right);
    }
    std::ranges::shuffle(definition.merges, random);
    std::map<std::pair<int32_t, int32_t>, std::pair<int32_t, int32_t>> merges;
    for (size_t rank = 0; rank < definition.merges.size(); ++rank) {
      const auto& [left, right] = definition.merges[rank];
      merges[{ids.at(left), ids.at(right)}] = {static_cast<int32_t>(rank), ids.at(left + right)};
    }
    const Result<Bpe> bpe = Bpe::Create(definition);
    ASSERT_TRUE(bpe.ok()) << bpe.status().message();
    // Long enough for the way of long words.
    std::string word;
    while (word.size() < 2300) word += "abc"[random() % (round % 3 + 1)];
    std::vector<int32_t> letters;
    for (const char c : word) letters.push_back(static_cast<unsigned char>(c));
    Bpe::Scratch scratch;
    std::vector<int32_t> got;
    bpe->Encode(word, scratch, got);
    EXPECT_EQ(got, MergeByDefinition(merges, letters)) << "round " << round;
  }
}

}  // namespace
}  // namespace qed
