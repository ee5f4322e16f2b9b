#include "net/test_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>

#include "gtest/gtest.h"

namespace qed {
namespace {

constexpr int kPatience = 20'000;  // milliseconds

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

RawClient::RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawClient::ReadMore() {
  pollfd wait = {fd_.get(), POLLIN, 0};
  if (::poll(&wait, 1, kPatience) != 1) {
    ADD_FAILURE() << "nothing came; so far: " << buffer_.substr(0, 1000);
    return false;
  }
  std::array<char, 65536> bytes;
  const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (size <= 0) return false;
  buffer_.append(bytes.data(), static_cast<size_t>(size));
  return true;
}

std::string RawClient::ReadUntil(std::string_view text) {
  while (true) {
    const size_t found = buffer_.find(text);
    if (found != std::string::npos) {
      const std::string result = buffer_.substr(0, found + text.size());
      buffer_.erase(0, result.size());
      return result;
    }
    if (!ReadMore()) return std::exchange(buffer_, std::string());
  }
}

std::string RawClient::ReadToEnd() {
  while (ReadMore()) {
  }
  return std::exchange(buffer_, std::string());
}

bool RawClient::IsSilent(int milliseconds) {
  pollfd wait = {fd_.get(), POLLIN, 0};
  return buffer_.empty() && ::poll(&wait, 1, milliseconds) == 0;
}

void RawClient::CloseSending() { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::Reset() {
  const linger none = {1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  fd_.Reset();
}

void RawClient::ShrinkReceiveBuffer() {
  const int bytes = 4096;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

RawListener::RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd_.get(), 16), 0);
  ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

UniqueFd RawListener::Accept() {
  pollfd wait = {fd_.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, kPatience), 1);
  return UniqueFd(::accept(fd_.get(), nullptr, nullptr));
}

HttpFetch FetchOf(const std::string& url) {
  HttpFetch fetch;
  fetch.url = *ParseUrl(url);
  fetch.deadline = Clock::Real().Now() + std::chrono::seconds(60);
  return fetch;
}

int CountThreads() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

}  // namespace qed
