#include "sandbox/frame.h"

#include <sys/socket.h>

#include "gtest/gtest.h"

namespace qed {
namespace {

class FrameTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_.Reset(ends[0]);
    theirs_.Reset(ends[1]);
  }
  void Send(std::string_view bytes) {
    ASSERT_EQ(::send(theirs_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  Result<Frame> Receive() {
    return ReceiveFrame(ours_.get(), reader_, Clock::Real().Now() + std::chrono::milliseconds(50));
  }

  UniqueFd ours_, theirs_;
  FrameReader reader_;
};

TEST_F(FrameTest, PutsTornFramesTogetherAndSplitsJoinedOnes) {
  const std::string both =
      EncodeFrame(FrameKind::kReady, "") + EncodeFrame(FrameKind::kError, "no");
  Send(both.substr(0, 7));
  Result<Frame> first = Receive();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->kind, FrameKind::kReady);
  EXPECT_EQ(first->payload, "");
  EXPECT_EQ(Receive().status().code(), StatusCode::kDeadlineExceeded);
  Send(both.substr(7));
  Result<Frame> second = Receive();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->kind, FrameKind::kError);
  EXPECT_EQ(second->payload, "no");
}

TEST_F(FrameTest, RefusesSizesThatNoFrameHas) {
  for (const std::string& size : {std::string("\xFF\xFF\xFF\xFF", 4), std::string(4, '\0'),
                                  std::string("\x02\x10\x00\x00", 4)}) {
    FrameReader reader;
    Send(size);
    ASSERT_TRUE(reader.Fill(ours_.get()).ok());
    EXPECT_EQ(reader.Next().status().code(), StatusCode::kCorrupt);
  }
}

TEST_F(FrameTest, NoticesTheEnd) {
  theirs_.Reset();
  EXPECT_EQ(Receive().status().code(), StatusCode::kUnavailable);
}

TEST_F(FrameTest, TakesADescriptorOnlyWhereOneIsExpected) {
  const int fds[] = {theirs_.get()};
  ASSERT_TRUE(SendWithFds(theirs_.get(), EncodeFrame(FrameKind::kPidfd, ""), fds).ok());
  UniqueFd got;
  ASSERT_TRUE(
      ReceiveFrame(ours_.get(), reader_, Clock::Real().Now(), &got).ok() ||
      ReceiveFrame(ours_.get(), reader_, Clock::Real().Now() + std::chrono::seconds(1), &got).ok());
  EXPECT_TRUE(got.valid());
  got.Reset();

  ASSERT_TRUE(SendWithFds(theirs_.get(), EncodeFrame(FrameKind::kPidfd, ""), fds).ok());
  ASSERT_TRUE(Receive().ok());
  theirs_.Reset();  // The last one, unless the message's copy lives on.
  EXPECT_EQ(Receive().status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace qed
