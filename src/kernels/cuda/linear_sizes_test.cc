#include "kernels/cuda/linear_sizes.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace qed::cuda {
namespace {

TEST(LinearSizesTest, PadsToPowersThenSixteensThenTiles) {
  for (auto [rows, padded] : {std::pair(1, 1),
                              {2, 2},
                              {3, 4},
                              {5, 8},
                              {8, 8},
                              {9, 16},
                              {16, 16},
                              {17, 32},
                              {250, 256},
                              {256, 256},
                              {257, 384},
                              {8192, 8192}}) {
    EXPECT_EQ(PaddedRows(rows), padded) << rows;
  }
}

TEST(LinearSizesTest, BuffersHoldWhatIsComputed) {
  for (auto [rows, room] : {std::pair(1, 16), {16, 16}, {17, 32}, {300, 384}}) {
    EXPECT_EQ(BufferRows(rows), room) << rows;
  }
}

TEST(LinearSizesTest, PaddedSizesAreAllThatPaddingGives) {
  for (int max_rows : {1, 3, 12, 256, 300, 2048}) {
    const std::vector<int32_t> sizes = PaddedSizes(max_rows);
    EXPECT_TRUE(std::is_sorted(sizes.begin(), sizes.end()));
    EXPECT_EQ(sizes.back(), PaddedRows(max_rows));
    for (int rows = 1; rows <= max_rows; ++rows) {
      EXPECT_TRUE(std::binary_search(sizes.begin(), sizes.end(), PaddedRows(rows))) << rows;
    }
    for (int32_t size : sizes) EXPECT_EQ(PaddedRows(size), size);
  }
}

TEST(LinearSizesTest, TimedSizesArePaddedSizesAndReachTheLast) {
  for (int max_rows : {1, 7, 100, 256, 257, 512, 513, 2048, 8192, 65536}) {
    const std::vector<int32_t> padded = PaddedSizes(max_rows), timed = TimedSizes(max_rows);
    EXPECT_TRUE(std::is_sorted(timed.begin(), timed.end()));
    EXPECT_EQ(std::adjacent_find(timed.begin(), timed.end()), timed.end());
    EXPECT_EQ(timed.back(), padded.back()) << max_rows;
    for (int32_t size : timed) {
      EXPECT_TRUE(std::binary_search(padded.begin(), padded.end(), size)) << size;
    }
  }
}

}  // namespace
}  // namespace qed::cuda
