#include "sandbox/frame.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace qed {
namespace {

constexpr size_t kHeader = 4;  // the size, which counts the kind
constexpr size_t kMaxFds = 3;

void AppendU32(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t ReadU32(const char* in) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(in[i])} << (8 * i);
  return value;
}

void TakeFds(const msghdr& message, UniqueFd* fd) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&message), header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int received;
      std::memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      UniqueFd owned(received);
      if (fd != nullptr) *fd = std::move(owned);
    }
  }
}

}  // namespace

std::string EncodeFrame(FrameKind kind, std::string_view payload) {
  std::string frame;
  frame.reserve(kHeader + 1 + payload.size());
  AppendU32(frame, static_cast<uint32_t>(payload.size() + 1));
  frame.push_back(static_cast<char>(kind));
  frame.append(payload);
  return frame;
}

Status SendWithFds(int socket, std::string_view bytes, std::span<const int> fds, int flags) {
  QED_CHECK_LE(fds.size(), kMaxFds);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | flags);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(bytes.size())) {
    return Unavailable(std::string("send to the jail: ") + std::strerror(errno));
  }
  return OkStatus();
}

Status FrameReader::Fill(int socket, UniqueFd* fd) {
  char buffer[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)];
  iovec part = {buffer, sizeof(buffer)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // Without room for descriptors the kernel drops those that a session sends.
  message.msg_control = fd != nullptr ? control : nullptr;
  message.msg_controllen = fd != nullptr ? sizeof(control) : 0;
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return OkStatus();
    return Unavailable(std::string("receive from the jail: ") + std::strerror(errno));
  }
  if (fd != nullptr) TakeFds(message, fd);
  if (got == 0) return Unavailable("the process in the jail ended");
  bytes_.append(buffer, static_cast<size_t>(got));
  return OkStatus();
}

Result<std::optional<Frame>> FrameReader::Next() {
  if (bytes_.size() < kHeader) return std::optional<Frame>();
  const uint32_t size = ReadU32(bytes_.data());
  if (size == 0 || size > kMaxPayload + 1) return Corrupt("a malformed message from the jail");
  if (bytes_.size() < kHeader + size) return std::optional<Frame>();
  Frame frame{static_cast<FrameKind>(bytes_[kHeader]), bytes_.substr(kHeader + 1, size - 1)};
  bytes_.erase(0, kHeader + size);
  return std::optional<Frame>(std::move(frame));
}

int PollTimeout(Clock::Time deadline) {
  const auto left = deadline - Clock::Real().Now();
  if (left <= Clock::Duration::zero()) return 0;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<int64_t>(ms, 1 << 30));
}

bool WaitReadable(int fd, Clock::Time deadline) {
  while (true) {
    pollfd wait = {fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, PollTimeout(deadline));
    if (ready > 0) return true;
    if (ready == 0 && PollTimeout(deadline) == 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Result<Frame> ReceiveFrame(int socket, FrameReader& reader, Clock::Time deadline, UniqueFd* fd) {
  while (true) {
    QED_ASSIGN_OR_RETURN(std::optional<Frame> frame, reader.Next());
    if (frame.has_value()) return *std::move(frame);
    if (!WaitReadable(socket, deadline)) return DeadlineExceeded("no answer from the jail");
    QED_RETURN_IF_ERROR(reader.Fill(socket, fd));
  }
}

}  // namespace qed
