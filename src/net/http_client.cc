#include "net/http_client.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <utility>

#include "base/unique_fd.h"

namespace qed {
namespace {

void Signal(int fd) {
  const uint64_t one = 1;
  // Fails only if it would overflow: then it is readable already.
  if (::write(fd, &one, sizeof(one)) < 0) return;
}

// Takes what Signal gave. What its thread wrote before that can be read after this.
void TakeSignal(int fd) {
  uint64_t count = 0;
  if (::read(fd, &count, sizeof(count)) < 0) return;
}

int MakeEvent() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  QED_CHECK(fd >= 0) << "eventfd: " << std::strerror(errno);
  return fd;
}

}  // namespace

CancelToken::CancelToken() : fd_(MakeEvent()) {}
CancelToken::~CancelToken() { ::close(fd_); }

void CancelToken::Cancel() {
  cancelled_.store(true);
  Signal(fd_);
}

bool CancelToken::cancelled() const { return cancelled_.load(); }

HttpReply HttpClient::Fetch(const HttpFetch& fetch) {
  HttpFetch call = fetch;
  call.cancel = nullptr;
  call.keep_connection = true;
  const UniqueFd done(MakeEvent());
  HttpReply reply;
  // These on the loop's thread, one after the other.
  HttpLoop::CallId id = 0;
  bool ended = false;
  const auto end = [&](HttpReply result) {
    ended = true;
    reply = std::move(result);
    Signal(done.get());
  };
  loop_.Post([&] { id = loop_.Start(std::move(call), end); });

  pollfd waits[2] = {{done.get(), POLLIN, 0},
                     {fetch.cancel != nullptr ? fetch.cancel->fd() : -1, POLLIN, 0}};
  while (waits[0].revents == 0 && waits[1].revents == 0) {
    if (::poll(waits, 2, -1) < 0) waits[0].revents = waits[1].revents = 0;
  }
  if (waits[0].revents != 0) {
    TakeSignal(done.get());
    return reply;
  }
  const auto stopped = std::make_shared<std::promise<void>>();
  loop_.Post([&, stopped] {
    loop_.Cancel(id);
    if (!ended)
      end({Cancelled("the request to " + fetch.url.Authority() + " was cancelled"), false, {}});
    stopped->set_value();
  });
  stopped->get_future().wait();
  return reply;
}

}  // namespace qed
