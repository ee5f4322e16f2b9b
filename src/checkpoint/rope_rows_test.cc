#include "checkpoint/rope_rows.h"

#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(RopeRowsTest, ByHand) {
  // D = 4: HF rows 0 1 2 3 of a head (pairs 0-2, 1-3) lie in the file as 0 2 1 3.
  const int64_t wanted[] = {0, 2, 1, 3, 4, 6, 5, 7};
  for (int64_t row = 0; row < 8; ++row) EXPECT_EQ(InterleavedRopeRow(row, 4), wanted[row]);
}

TEST(RopeRowsTest, UndoesTheConverter) {
  // The converter sees a head as [2, D/2] rows and transposes that.
  constexpr int64_t kHeads = 3, kDim = 16;
  std::vector<int64_t> file;  // HF row of each row of the file
  for (int64_t head = 0; head < kHeads; ++head) {
    for (int64_t i = 0; i < kDim / 2; ++i) {
      for (int64_t half = 0; half < 2; ++half) file.push_back(head * kDim + half * kDim / 2 + i);
    }
  }
  for (int64_t row = 0; row < kHeads * kDim; ++row) {
    EXPECT_EQ(file[InterleavedRopeRow(row, kDim)], row);
  }
}

}  // namespace
}  // namespace qed
