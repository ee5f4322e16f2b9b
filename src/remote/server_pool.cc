#include "remote/server_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace qed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::Duration kFirstPause = milliseconds(250);
constexpr Clock::Duration kLongestPause = seconds(8);
constexpr Clock::Duration kBusyPause = seconds(1);
constexpr double kLongestBusySeconds = 30;
constexpr milliseconds kAskTimeout{5'000};

Clock::Duration Longer(Clock::Duration pause) {
  return std::clamp(2 * pause, kFirstPause, kLongestPause);
}

}  // namespace

ServerPool::ServerPool(HttpLoop& loop, ServerInfo info, std::vector<PooledServer> servers,
                       Clock::Duration patience, Events events)
    : loop_(loop), info_(std::move(info)), patience_(patience), events_(std::move(events)) {
  for (PooledServer& server : servers) servers_.emplace_back(std::move(server));
}

void ServerPool::Begin() {
  for (size_t i = 0; i < servers_.size(); ++i) {
    if (!servers_[i].up) AskLater(i);
  }
}

bool ServerPool::HasRoom(const Entry& entry) const {
  return entry.up && entry.in_flight < entry.known.capacity &&
         entry.busy_until <= Clock::Real().Now();
}

std::optional<size_t> ServerPool::Take(std::optional<size_t> preferred) {
  std::optional<size_t> best = preferred;
  if (!preferred || !HasRoom(servers_[*preferred])) {
    best.reset();
    double best_share = 2;
    for (size_t i = 0; i < servers_.size(); ++i) {
      const double share = static_cast<double>(servers_[i].in_flight) / servers_[i].known.capacity;
      if (!HasRoom(servers_[i]) || share >= best_share) continue;
      best = i;
      best_share = share;
    }
  }
  if (best) ++servers_[*best].in_flight;
  return best;
}

void ServerPool::GiveBack(size_t server) { --servers_[server].in_flight; }

void ServerPool::OnFailure(size_t server, const Status& why) {
  Entry& entry = servers_[server];
  // Each sample that ran there says so.
  if (!entry.up) return;
  entry.up = false;
  entry.why = why;
  events_.on_news(why.message() + "; its samples go on elsewhere, or when it is back");
  AskLater(server);
  CheckLost();
}

void ServerPool::OnBusy(size_t server, std::optional<double> retry_after) {
  Entry& entry = servers_[server];
  if (!std::exchange(entry.told_busy, true)) {
    events_.on_news(entry.known.address.Name() + " is busy (429); samples wait for it");
  }
  Clock::Duration pause = kBusyPause;
  if (retry_after && *retry_after >= 0) {
    const double bounded = std::min(*retry_after, kLongestBusySeconds);
    pause = std::max(kFirstPause, ToDuration(bounded));
  }
  entry.busy_until = Clock::Real().Now() + pause;
  loop_.After(pause, [this] { events_.on_room(); });
}

std::vector<ServerState> ServerPool::States() const {
  std::vector<ServerState> states;
  for (const Entry& entry : servers_) {
    states.push_back({entry.known.address.url.Authority(), entry.up, entry.in_flight});
  }
  return states;
}

void ServerPool::AskLater(size_t server) {
  Entry& entry = servers_[server];
  entry.pause = Longer(entry.pause);
  loop_.After(entry.pause, [this, server] { Ask(server); });
}

void ServerPool::Ask(size_t server) {
  HttpFetch fetch = servers_[server].known.address.Fetch("GET", "/v1/models");
  fetch.connect_timeout = kAskTimeout;
  fetch.deadline = Clock::Real().Now() + 2 * kAskTimeout;
  loop_.Start(std::move(fetch), [this, server](const HttpReply& reply) {
    const Status status = Judge(reply);
    if (status.ok()) return OnBack(server);
    servers_[server].why = status.WithPrefix(servers_[server].known.address.Name());
    AskLater(server);
  });
}

Status ServerPool::Judge(const HttpReply& reply) const {
  QED_RETURN_IF_ERROR(reply.status);
  if (reply.response.status != 200) return Unavailable(DescribeRefusal(reply.response));
  QED_ASSIGN_OR_RETURN(const ServerInfo now, ParseModels(reply.response.body, info_.model));
  if (now.kind != info_.kind) return Unavailable("it is another kind of server now");
  return OkStatus();
}

void ServerPool::OnBack(size_t server) {
  Entry& entry = servers_[server];
  entry.up = true;
  events_.on_news(entry.known.address.Name() + " is there");
  if (!std::exchange(any_up_, true)) ++times_alive_;
  lost_.reset();
  events_.on_room();
}

void ServerPool::CheckLost() {
  const auto is_up = [](const Entry& entry) { return entry.up.load(); };
  if (std::ranges::any_of(servers_, is_up)) return;
  any_up_ = false;
  loop_.After(patience_, [this, then = times_alive_] {
    if (any_up_ || then != times_alive_) return;
    std::string message = "no server answers any more";
    for (const Entry& entry : servers_) message += "; " + entry.why.message();
    lost_ = Unavailable(std::move(message));
    events_.on_lost(*lost_);
  });
}

}  // namespace qed
