#include "net/http_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "net/curl_call.h"

namespace qed {
namespace {

constexpr long kMaxIdleConnections = 256;

UniqueFd Checked(int fd) {
  QED_CHECK(fd >= 0) << "epoll or eventfd: " << std::strerror(errno);
  return UniqueFd(fd);
}

}  // namespace

// Everything but Post and Stop belongs to the loop's thread.
class HttpLoop::Impl {
 public:
  Impl() : thread_([this] { Run(); }) {}

  ~Impl() {
    stopping_.store(true);
    Wake();
    thread_.join();
    for (auto& [id, call] : calls_) Release(call);
    for (Call& call : dropped_) Release(call);
    calls_.clear();
    dropped_.clear();
    if (multi_ != nullptr) curl_->multi_cleanup(multi_);
  }

  void Post(std::function<void()> work) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      posted_.push_back(std::move(work));
    }
    Wake();
  }

  CallId Start(HttpFetch fetch, std::function<void(HttpReply)> on_done) {
    QED_CHECK(fetch.cancel == nullptr) << "a loop's calls are cancelled by their ids";
    const CallId id = ++last_id_;
    const Status ready = OpenMulti();
    if (ready.ok()) {
      calls_[id].curl =
          std::make_unique<CurlCall>(*curl_, id, std::move(fetch), std::move(on_done));
      starting_.push_back(id);
    } else {
      calls_[id];
      After(Clock::Duration(0), [this, id, ready, on_done = std::move(on_done)] {
        if (calls_.erase(id) > 0) on_done({ready, /*never_sent=*/true, {}});
      });
    }
    return id;
  }

  void Cancel(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    // libcurl may be running this very call: it is taken out once it has returned.
    if (found->second.curl != nullptr) found->second.curl->Drop();
    dropped_.push_back(std::move(found->second));
    calls_.erase(found);
  }

  void After(Clock::Duration delay, std::function<void()> work) {
    timers_.emplace(Clock::Real().Now() + delay, std::move(work));
  }

 private:
  using Timers = std::multimap<Clock::Time, std::function<void()>>;

  struct Call {
    std::unique_ptr<CurlCall> curl;  // null where there is no libcurl
    bool started = false;
    std::optional<Timers::iterator> limit;  // the timer that looks at Limit()
  };

  void Wake() {
    const uint64_t one = 1;
    // Fails only if it would overflow: then it is readable already.
    if (::write(wake_.get(), &one, sizeof(one)) < 0) return;
  }

  Status OpenMulti() {
    if (multi_ != nullptr) return OkStatus();
    QED_ASSIGN_OR_RETURN(curl_, LoadCurl());
    multi_ = curl_->multi_init();
    QED_CHECK(multi_ != nullptr) << "out of memory";
    curl_->multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::OnSocket);
    curl_->multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_->multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::OnTimer);
    curl_->multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_->multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    return OkStatus();
  }

  // libcurl wants to be told of what happens at a socket.
  static int OnSocket(CURL*, curl_socket_t fd, int what, void* loop, void*) {
    const Impl& self = *static_cast<Impl*>(loop);
    epoll_event event = {};
    event.data.fd = fd;
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(self.epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    } else if (::epoll_ctl(self.epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
      ::epoll_ctl(self.epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    return 0;
  }

  // libcurl wants to be called in so many milliseconds; -1: not any more.
  static int OnTimer(CURLM*, long milliseconds, void* loop) {
    Impl& self = *static_cast<Impl*>(loop);
    self.curl_timer_.reset();
    if (milliseconds >= 0) {
      self.curl_timer_ = Clock::Real().Now() + std::chrono::milliseconds(milliseconds);
    }
    return 0;
  }

  void Run() {
    epoll_event wake = {};
    wake.events = EPOLLIN;
    wake.data.fd = wake_.get();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &wake);
    std::array<epoll_event, 64> events;
    while (!stopping_.load()) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), Patience());
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.fd == wake_.get()) {
          RunPosted();
        } else {
          Advance(event.data.fd, CurlMask(event.events));
        }
        Settle();
      }
      RunTimers();
    }
  }

  static int CurlMask(uint32_t events) {
    int mask = 0;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) mask |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0) mask |= CURL_CSELECT_ERR;
    return mask;
  }

  // Milliseconds until the next timer.
  int Patience() const {
    std::optional<Clock::Time> next = curl_timer_;
    if (!timers_.empty())
      next = std::min(next.value_or(Clock::Time::max()), timers_.begin()->first);
    if (!next) return -1;
    const auto wait = std::clamp<Clock::Duration>(*next - Clock::Real().Now(), Clock::Duration(0),
                                                  std::chrono::hours(1));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  }

  void RunPosted() {
    uint64_t count = 0;
    if (::read(wake_.get(), &count, sizeof(count)) < 0) return;
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work.swap(posted_);
    }
    for (const auto& item : work) {
      if (stopping_.load()) return;
      item();
    }
  }

  void RunTimers() {
    const Clock::Time now = Clock::Real().Now();
    if (curl_timer_ && *curl_timer_ <= now) {
      curl_timer_.reset();
      Advance(CURL_SOCKET_TIMEOUT, 0);
    }
    while (!timers_.empty() && timers_.begin()->first <= now && !stopping_.load()) {
      const auto timer = timers_.extract(timers_.begin());
      timer.mapped()();
    }
    Settle();
  }

  void Advance(curl_socket_t fd, int mask) {
    int running = 0;
    curl_->socket_action(multi_, fd, mask, &running);
    EndFinished();
  }

  void EndFinished() {
    int left = 0;
    while (const CURLMsg* message = curl_->info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const CallId id = CurlCall::Of(*curl_, message->easy_handle).id();
      if (calls_.contains(id)) End(id, code);
    }
  }

  // Of a call that is not dropped.
  void End(CallId id, CURLcode code) {
    auto node = calls_.extract(id);
    Call& call = node.mapped();
    Release(call);
    HttpReply reply = call.curl->Finish(code);
    const auto on_done = call.curl->TakeOnDone();
    call.curl = nullptr;
    on_done(std::move(reply));
  }

  void Release(Call& call) {
    if (call.limit) timers_.erase(*std::exchange(call.limit, std::nullopt));
    if (std::exchange(call.started, false)) curl_->multi_remove(multi_, call.curl->handle());
  }

  // What could not be done while libcurl was running.
  void Settle() {
    while (!dropped_.empty() || !starting_.empty()) {
      for (Call& call : std::exchange(dropped_, {})) Release(call);
      for (const CallId id : std::exchange(starting_, {})) {
        const auto found = calls_.find(id);
        if (found == calls_.end()) continue;
        found->second.started = true;
        curl_->multi_add(multi_, found->second.curl->handle());
        Watch(id);
      }
    }
  }

  // Looks at the call's limit now and again when it may have passed.
  void Watch(CallId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    Call& call = found->second;
    call.limit.reset();
    if (call.curl->Limit() <= Clock::Real().Now()) return End(id, CURLE_OPERATION_TIMEDOUT);
    const Clock::Time next = call.curl->NextLook();
    if (next == Clock::Time::max()) return;
    call.limit = timers_.emplace(next, [this, id] { Watch(id); });
  }

  const CurlApi* curl_ = nullptr;
  CURLM* multi_ = nullptr;
  const UniqueFd epoll_ = Checked(::epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd wake_ = Checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_

  Timers timers_;
  std::optional<Clock::Time> curl_timer_;
  CallId last_id_ = 0;
  std::unordered_map<CallId, Call> calls_;
  std::vector<CallId> starting_;
  std::vector<Call> dropped_;
  std::thread thread_;  // last: runs with all of the above
};

HttpLoop::HttpLoop() : impl_(std::make_unique<Impl>()) {}
HttpLoop::~HttpLoop() = default;
void HttpLoop::Post(std::function<void()> work) { impl_->Post(std::move(work)); }
HttpLoop::CallId HttpLoop::Start(HttpFetch fetch, std::function<void(HttpReply)> on_done) {
  return impl_->Start(std::move(fetch), std::move(on_done));
}
void HttpLoop::Cancel(CallId id) { impl_->Cancel(id); }
void HttpLoop::After(Clock::Duration delay, std::function<void()> work) {
  impl_->After(delay, std::move(work));
}

}  // namespace qed
