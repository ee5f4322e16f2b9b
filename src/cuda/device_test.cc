#include "cuda/device.h"

#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"

namespace qed::cuda {
namespace {

TEST(DeviceTest, SaysInOneLineWhyThereIsNone) {
  const Result<DeviceInfo> device = OpenDevice(0);
  if (device.ok()) {
    EXPECT_GE(device->major, 8);
    EXPECT_GT(device->num_sms, 0);
    EXPECT_GT(device->total_bytes, 0);
    return;
  }
  const std::string& message = device.status().message();
  EXPECT_EQ(message.rfind("cuda:0", 0), 0u) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(DeviceTest, RefusesAnOrdinalThatIsNotThere) {
  EXPECT_FALSE(OpenDevice(-1).ok());
  EXPECT_FALSE(OpenDevice(1000).ok());
}

TEST(DeviceTest, CopiesThereAndBack) {
  QED_REQUIRE_DEVICE();
  constexpr size_t kCount = 100000;
  auto stream = Stream::Create();
  auto there = DeviceBuffer::Allocate(kCount), other = DeviceBuffer::Allocate(kCount);
  auto from = PinnedBuffer::Allocate(kCount), back = PinnedBuffer::Allocate(kCount);
  ASSERT_TRUE(stream.ok() && there.ok() && other.ok() && from.ok() && back.ok());
  for (size_t i = 0; i < kCount; ++i) from->data()[i] = static_cast<std::byte>(i * 7 + i / 256);
  Fill(other->data(), 0xff, kCount, stream->handle());
  CopyToDevice(there->data(), from->data(), kCount, stream->handle());
  CopyOnDevice(other->data(), there->data(), kCount - 1, stream->handle());
  CopyToHost(back->data(), other->data(), kCount, stream->handle());
  ASSERT_TRUE(stream->Synchronize().ok());
  for (size_t i = 0; i + 1 < kCount; ++i) ASSERT_EQ(back->data()[i], from->data()[i]) << i;
  EXPECT_EQ(back->data()[kCount - 1], std::byte{0xff});
}

TEST(DeviceTest, GraphsRepeatTheirWork) {
  QED_REQUIRE_DEVICE();
  auto stream = Stream::Create();
  auto event = Event::Create();
  auto from = PinnedBuffer::Allocate(4), back = PinnedBuffer::Allocate(4);
  auto there = DeviceBuffer::Allocate(4);
  ASSERT_TRUE(stream.ok() && event.ok() && from.ok() && back.ok() && there.ok());
  auto graph = Graph::Capture(stream->handle(), [&] {
    CopyToDevice(there->data(), from->data(), 4, stream->handle());
    CopyToHost(back->data(), there->data(), 4, stream->handle());
  });
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  for (int round = 1; round < 4; ++round) {
    *from->As<int32_t>() = round;
    graph->Launch(stream->handle());
    event->Record(stream->handle());
    ASSERT_TRUE(event->Synchronize().ok());
    EXPECT_TRUE(*event->Passed());
    EXPECT_EQ(*back->As<int32_t>(), round);
  }
}

TEST(DeviceTest, TooMuchMemoryIsRefusedWithTheSizes) {
  QED_REQUIRE_DEVICE();
  const auto memory = QueryMemory();
  ASSERT_TRUE(memory.ok());
  const auto wanted = static_cast<size_t>(memory->total_bytes) + 1;
  const auto buffer = DeviceBuffer::Allocate(wanted);
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(buffer.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(buffer.status().message().find(std::to_string(wanted)), std::string::npos);
  EXPECT_TRUE(Synchronize().ok()) << "the refusal must not stick";
}

}  // namespace
}  // namespace qed::cuda
