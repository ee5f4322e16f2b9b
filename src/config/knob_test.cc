#include "config/knob.h"

#include <cmath>

#include "config/engine_config.h"
#include "config/sampling_params.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(ValidateKnobs, DefaultsAreInRange) {
  EXPECT_TRUE(ValidateKnobs(EngineConfig()).ok());
  EXPECT_TRUE(ValidateKnobs(SamplingParams()).ok());
}

TEST(ValidateKnobs, NamesTheKnobTheValueAndTheRange) {
  EngineConfig config;
  config.max_batch_size = 0;
  const Status status = ValidateKnobs(config);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "--max-batch-size is 0; it must be from 1 to 4096");
}

TEST(ValidateKnobs, NotANumberIsOutOfRange) {
  SamplingParams params;
  params.temperature = std::nanf("");
  EXPECT_FALSE(ValidateKnobs(params).ok());
}

}  // namespace
}  // namespace qed
