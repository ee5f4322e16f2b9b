#include "kernels/roof.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

// Wide bounds: what any processor of the last decade and of the next does.
TEST(RoofTest, FiguresArePlausibleOnEveryInstructionSet) {
  ThreadPool pool(1);
  for (Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > DetectIsa()) {
      continue;
    }
    OpContext ctx{&pool, isa};
    const Result<Roof> roof = MeasureRoof(ctx);
    ASSERT_TRUE(roof.ok()) << roof.status().message();
    EXPECT_GT(roof->read_bytes_per_second, 1e8) << IsaName(isa);
    EXPECT_LT(roof->read_bytes_per_second, 1e12) << IsaName(isa);
    EXPECT_GT(roof->int8_ops_per_second, 1e8) << IsaName(isa);
    EXPECT_LT(roof->int8_ops_per_second, 1e13) << IsaName(isa);
    EXPECT_GT(roof->f32_ops_per_second, 1e8) << IsaName(isa);
    EXPECT_LT(roof->f32_ops_per_second, 1e13) << IsaName(isa);
  }
}

}  // namespace
}  // namespace qed
