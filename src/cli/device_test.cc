#include "cli/device.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(DeviceTest, TheCpuIsAlwaysThere) {
  const auto device = OpenDeviceFor("cpu");
  ASSERT_TRUE(device.ok());
  EXPECT_FALSE(device->has_value());
  EXPECT_TRUE(OpenDeviceFor("auto").ok());
}

TEST(DeviceTest, WhatIsNotThereIsRefusedInOneLine) {
  // No machine has that many; a program without CUDA has none.
  const Status status = OpenDeviceFor("cuda:99").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("--device: cuda:99"), std::string::npos) << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
  EXPECT_EQ(OpenDeviceFor("tpu").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace qed
