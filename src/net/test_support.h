// What the network tests share: a socket in the hands of a test.
#ifndef QED_NET_TEST_SUPPORT_H_
#define QED_NET_TEST_SUPPORT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "net/http_client.h"

namespace qed {

// A client that sends what it likes. Calls fail the test after 20 s.
class RawClient {
 public:
  explicit RawClient(uint16_t port);

  // False: the server does not take it any more.
  bool Send(std::string_view bytes);
  // Until `text` has arrived (which is returned with what came before) or the end.
  std::string ReadUntil(std::string_view text);
  std::string ReadToEnd();
  // No byte and no end within `milliseconds`.
  bool IsSilent(int milliseconds);

  void CloseSending();
  void Close() { fd_.Reset(); }
  // Without the goodbyes of TCP.
  void Reset();
  // So that a server's answers soon find no room. Before anything is read.
  void ShrinkReceiveBuffer();

 private:
  bool ReadMore();

  UniqueFd fd_;
  std::string buffer_;
};

// A socket that listens on a free port of the loopback.
class RawListener {
 public:
  RawListener();
  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  UniqueFd Accept();

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

// A GET of it, with more time than a busy machine needs.
HttpFetch FetchOf(const std::string& url);

// Threads of this process.
int CountThreads();

}  // namespace qed

#endif  // QED_NET_TEST_SUPPORT_H_
