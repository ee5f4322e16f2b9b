#include "kernels/roof.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace qed {
namespace {

// Wide bounds: what any processor of the last decade and of the next does, even on
// a busy machine and under a sanitizer.
TEST(RoofTest, FiguresArePlausible) {
  ThreadPool pool(2);
  for (Isa isa : {std::min(Isa::kAvx2, DetectIsa()), DetectIsa()}) {
    OpContext ctx{&pool, isa};
    const Result<Roof> roof = MeasureRoof(ctx);
    ASSERT_TRUE(roof.ok()) << roof.status().message();
    EXPECT_GT(roof->read_bytes_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->read_bytes_per_second, 1e12) << IsaName(isa);
    EXPECT_GT(roof->int8_ops_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->int8_ops_per_second, 1e13) << IsaName(isa);
    EXPECT_GT(roof->f32_ops_per_second, 1e6) << IsaName(isa);
    EXPECT_LT(roof->f32_ops_per_second, 1e13) << IsaName(isa);
  }
}

}  // namespace
}  // namespace qed
