#include "draft/text_index.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

// Every place behind the longest group that ends the text, found by looking at all.
std::vector<std::pair<int32_t, int32_t>> FindSlowly(const std::vector<std::vector<int32_t>>& texts,
                                                    const std::vector<size_t>& before, size_t of) {
  const std::vector<int32_t>& own = texts[of];
  for (int32_t length : kGroupLengths) {
    const auto n = static_cast<size_t>(length);
    std::vector<std::pair<int32_t, int32_t>> places;
    for (size_t t = 0; t < texts.size(); ++t) {
      for (size_t p = std::max(n, before[t]); p < texts[t].size() && own.size() >= n; ++p) {
        if (std::equal(own.end() - length, own.end(), texts[t].begin() + p - n)) {
          places.emplace_back(t, p);
        }
      }
    }
    if (!places.empty()) return places;
  }
  return {};
}

TEST(TextIndexTest, FindsWhatLookingAtAllFinds) {
  std::mt19937 random(1);
  TextIndex index;
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> before;
  for (int t = 0; t < 4; ++t) {
    std::vector<int32_t> first(random() % 6);
    for (int32_t& token : first) token = static_cast<int32_t>(random() % 4);
    EXPECT_EQ(index.AddText(first), t);
    before.push_back(first.size());
    texts.push_back(std::move(first));
  }
  std::vector<TextIndex::Place> places(4000);
  for (int step = 0; step < 3000; ++step) {
    const size_t t = random() % texts.size();
    const auto token = static_cast<int32_t>(random() % 4);
    index.Append(static_cast<int32_t>(t), token);
    texts[t].push_back(token);
    if (step % 20 != 0) continue;
    const int32_t count = index.Find(static_cast<int32_t>(t), places);
    std::vector<std::pair<int32_t, int32_t>> found;
    for (int32_t i = 0; i < count; ++i) found.emplace_back(places[i].text, places[i].position);
    std::ranges::sort(found);
    ASSERT_EQ(found, FindSlowly(texts, before, t)) << "step " << step;
  }
}

TEST(TextIndexTest, GivesTheLatestPlacesFirst) {
  TextIndex index;
  const int32_t text = index.AddText({});
  for (int32_t token : {1, 2, 7, 1, 2, 8, 1, 2, 9, 1, 2}) index.Append(text, token);
  std::vector<TextIndex::Place> places(2);
  ASSERT_EQ(index.Find(text, places), 2);
  EXPECT_EQ(index.Text(text)[places[0].position], 9);
  EXPECT_EQ(index.Text(text)[places[1].position], 8);
}

}  // namespace
}  // namespace qed
