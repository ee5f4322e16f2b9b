#include "config/device_spec.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

using Kind = DeviceSpec::Kind;

TEST(DeviceSpecTest, ReadsNamesAndNumbers) {
  EXPECT_EQ(ParseDeviceSpec("auto")->kind, Kind::kAuto);
  EXPECT_EQ(ParseDeviceSpec("cpu")->kind, Kind::kCpu);
  EXPECT_EQ(ParseDeviceSpec("cuda")->kind, Kind::kCuda);
  EXPECT_EQ(ParseDeviceSpec("cuda")->ordinal, 0);
  EXPECT_EQ(ParseDeviceSpec("cuda:7")->kind, Kind::kCuda);
  EXPECT_EQ(ParseDeviceSpec("cuda:7")->ordinal, 7);
}

TEST(DeviceSpecTest, RefusesAllElseInOneLine) {
  for (const char* text : {"", "gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:1x", "cuda: 1",
                           "cuda:99999", "CPU", "cpu:0", "cuda:1:2"}) {
    const Status status = ParseDeviceSpec(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find("--device"), std::string::npos) << text;
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace qed
