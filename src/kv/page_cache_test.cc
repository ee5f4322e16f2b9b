#include "kv/page_cache.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

std::vector<int32_t> Count(int32_t from, int32_t n) {
  std::vector<int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

// Computes all of `tokens` in `cache`: claim, extend, publish.
PageTable Compute(PageCache& cache, const std::vector<int32_t>& tokens) {
  PageTable table;
  cache.Claim(tokens, table);
  cache.Extend(table, static_cast<int64_t>(tokens.size()));
  cache.Publish(tokens, static_cast<int32_t>(tokens.size()), table);
  return table;
}

TEST(PagePool, HandsOutEveryPageOnceAndTakesItBack) {
  PagePool pool(3);
  bool was_cached = true;
  std::vector<int32_t> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(pool.Take(&was_cached));
    EXPECT_FALSE(was_cached);
  }
  EXPECT_EQ(pool.available(), 0);
  EXPECT_EQ(pool.used(), 3);
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, Count(0, 3));
  pool.AddReference(1);
  pool.Release(1);
  EXPECT_EQ(pool.free(), 0);
  pool.Release(1);
  EXPECT_EQ(pool.free(), 1);
  EXPECT_TRUE(pool.CheckIntegrity().ok());
}

TEST(PagePool, EvictsTheLeastRecentlyUsedCachedPage) {
  PagePool pool(2);
  bool was_cached;
  const int32_t a = pool.Take(&was_cached);
  const int32_t b = pool.Take(&was_cached);
  pool.SetRemembered(a, true);
  pool.SetRemembered(b, true);
  pool.Release(b);
  pool.Release(a);
  EXPECT_EQ(pool.cached(), 2);
  EXPECT_EQ(pool.Take(&was_cached), b);
  EXPECT_TRUE(was_cached);
  EXPECT_TRUE(pool.CheckIntegrity().ok());
  pool.AddReference(a);  // A hit brings a cached page back.
  EXPECT_EQ(pool.used(), 2);
  EXPECT_TRUE(pool.CheckIntegrity().ok());
}

TEST(PagePoolDeathTest, BugsOfTheCallerAreCaught) {
  PagePool pool(1);
  EXPECT_DEATH(pool.Release(0), "held by nobody");
  EXPECT_DEATH(pool.AddReference(0), "is free");
  bool was_cached;
  pool.Take(&was_cached);
  EXPECT_DEATH(pool.Take(&was_cached), "did not count");
}

TEST(PrefixIndex, FindsByPredecessorAndTokens) {
  PrefixIndex index(4, 2);
  const std::vector<int32_t> ab = {1, 2}, cd = {3, 4};
  const auto first = index.Insert(PrefixIndex::kRoot, ab, 0);
  const auto second = index.Insert(first, cd, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(index.Find(PrefixIndex::kRoot, ab), 0);
  EXPECT_EQ(index.Find(first, cd), 1);
  EXPECT_EQ(index.Find(PrefixIndex::kRoot, cd), -1);
  EXPECT_EQ(index.Find(second, ab), -1);
  index.Erase(0);
  EXPECT_EQ(index.Find(PrefixIndex::kRoot, ab), -1);
  // The same page with other tokens does not bring the old successor back.
  const auto third = index.Insert(PrefixIndex::kRoot, cd, 0);
  EXPECT_EQ(index.Find(third, cd), -1);
  EXPECT_TRUE(index.CheckIntegrity().ok());
}

TEST(PrefixIndex, EqualTokensBehindAnotherPredecessorAreNotFound) {
  // All entries hold the same tokens, so that those in one bucket differ only in
  // what they follow; a thousand others fall into all buckets.
  PrefixIndex index(64, 2);
  const std::vector<int32_t> same = {1, 1};
  PrefixIndex::Serial parent = PrefixIndex::kRoot;
  for (int32_t page = 0; page < 64; ++page) parent = index.Insert(parent, same, page);
  for (PrefixIndex::Serial other = 64; other < 1064; ++other) {
    EXPECT_EQ(index.Find(other, same), -1) << other;
  }
  EXPECT_TRUE(index.CheckIntegrity().ok());
}

TEST(PageCache, SharesFullPagesAndLeavesOneTokenToCompute) {
  PageCache cache(16, 4, true);
  const auto tokens = Count(0, 12);
  PageTable first = Compute(cache, tokens);
  EXPECT_EQ(cache.Lookup(tokens).pages, 2) << "the third page holds the last token";
  EXPECT_EQ(cache.Lookup(Count(0, 13)).pages, 3);
  EXPECT_EQ(cache.Lookup(Count(1, 13)).pages, 0);

  PageTable second = Compute(cache, tokens);
  EXPECT_EQ(second.pages[0], first.pages[0]);
  EXPECT_EQ(second.pages[1], first.pages[1]);
  EXPECT_NE(second.pages[2], first.pages[2]);
  EXPECT_EQ(cache.ExclusivePages(first), 1);
  const PageTable* tables[] = {&first, &second};
  EXPECT_TRUE(cache.CheckIntegrity(tables).ok());
  EXPECT_FALSE(cache.CheckIntegrity({tables, 1}).ok());

  cache.Free(first);
  cache.Free(second);
  EXPECT_EQ(cache.pool().cached(), 3);
  EXPECT_EQ(cache.pool().free(), 13);
  EXPECT_EQ(cache.Lookup(Count(0, 13)).idle, 3);
  EXPECT_TRUE(cache.CheckIntegrity({}).ok());
}

TEST(PageCache, KeysTellWhoIsComputingThePageOneNeeds) {
  PageCache cache(16, 4, true);
  const auto tokens = Count(0, 12);
  PageTable table;
  cache.Claim(tokens, table);
  cache.Extend(table, 12);
  EXPECT_EQ(cache.NextKey(tokens, table), cache.Lookup(tokens).next_key);
  cache.Publish(tokens, 5, table);
  EXPECT_EQ(table.published, 1);
  EXPECT_EQ(cache.NextKey(tokens, table), cache.Lookup(tokens).next_key);
  std::vector<int32_t> other = tokens;
  other[5] = 99;
  EXPECT_EQ(cache.Lookup(other).pages, 1);
  EXPECT_NE(cache.NextKey(tokens, table), cache.Lookup(other).next_key);
  EXPECT_EQ(cache.Lookup(Count(0, 8)).next_key, 0u) << "too short to share the second page";
}

TEST(PageCache, EvictsTheEndOfAPrefixBeforeItsBeginning) {
  PageCache cache(4, 4, true);
  PageTable table = Compute(cache, Count(0, 16));
  cache.Free(table);
  EXPECT_EQ(cache.pool().cached(), 4);
  PageTable other;
  cache.Extend(other, 8);
  EXPECT_EQ(cache.Lookup(Count(0, 17)).pages, 2);
  const PageTable* tables[] = {&other};
  EXPECT_TRUE(cache.CheckIntegrity(tables).ok());
}

TEST(PageCache, TrimsATableToItsFirstTokens) {
  PageCache cache(8, 4, true);
  const auto tokens = Count(0, 12);
  PageTable table;
  cache.Claim(tokens, table);
  cache.Extend(table, 13);
  cache.Publish(tokens, 8, table);
  EXPECT_EQ(table.pages.size(), 4u);
  cache.Trim(table, 12);
  EXPECT_EQ(table.pages.size(), 3u);
  cache.Trim(table, 9);
  EXPECT_EQ(table.pages.size(), 3u);
  cache.Trim(table, 8);
  EXPECT_EQ(table.pages.size(), 2u);
  EXPECT_EQ(cache.pool().free(), 6);
  const PageTable* tables[] = {&table};
  EXPECT_TRUE(cache.CheckIntegrity(tables).ok());
  cache.Free(table);
  EXPECT_EQ(cache.pool().cached(), 2);
}

TEST(PageCache, WithoutSharingNothingIsCached) {
  PageCache cache(8, 4, false);
  PageTable table = Compute(cache, Count(0, 16));
  EXPECT_EQ(cache.NextKey(Count(0, 32), table), 0u);
  EXPECT_EQ(cache.Lookup(Count(0, 16)).pages, 0);
  cache.Free(table);
  EXPECT_EQ(cache.pool().free(), 8);
  EXPECT_TRUE(cache.CheckIntegrity({}).ok());
}

TEST(PageCache, StaysConsistentUnderRandomUse) {
  constexpr int32_t kPages = 24;
  PageCache cache(kPages, 4, true);
  std::mt19937 rng(7);
  std::vector<PageTable> tables(6);
  std::vector<const PageTable*> pointers;
  for (const PageTable& table : tables) pointers.push_back(&table);
  int hits = 0;
  for (int round = 0; round < 3000; ++round) {
    PageTable& table = tables[rng() % tables.size()];
    if (!table.pages.empty()) {
      cache.Free(table);
    } else {
      // Few distinct tokens, so that prefixes meet often.
      std::vector<int32_t> tokens(1 + rng() % 30);
      for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % 5 == 0);
      const auto match = cache.Lookup(tokens);
      const int32_t needed =
          cache.PagesFor(static_cast<int64_t>(tokens.size())) - match.pages + match.idle;
      if (needed > cache.pool().available()) continue;
      hits += match.pages;
      table = Compute(cache, tokens);
    }
    const Status status = cache.CheckIntegrity(pointers);
    ASSERT_TRUE(status.ok()) << status.message() << " in round " << round;
    ASSERT_EQ(cache.pool().free() + cache.pool().used() + cache.pool().cached(), kPages);
  }
  EXPECT_GT(hits, 500);
}

}  // namespace
}  // namespace qed
