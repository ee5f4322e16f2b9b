#include "serve/fair_queue.h"

#include <algorithm>
#include <utility>

namespace qed {

void FairQueue::Push(Item item) {
  User& user = users_[item.user];
  if (user.waiting++ == 0) user.served = std::max(user.served, floor_);
  waiting_[item.priority][std::move(item.user)].push_back(item.id);
  ++size_;
}

std::optional<FairQueue::Item> FairQueue::Pop() {
  if (waiting_.empty()) return std::nullopt;
  const auto level = waiting_.begin();
  auto& users = level->second;
  const auto older = [](const auto& a, const auto& b) { return a.front() < b.front(); };
  const auto next = std::ranges::min_element(users, [&](const auto& a, const auto& b) {
    const double x = users_.at(a.first).served, y = users_.at(b.first).served;
    return x != y ? x < y : older(a.second, b.second);
  });
  Item item{next->second.front(), level->first, next->first};
  next->second.pop_front();
  if (next->second.empty()) users.erase(next);
  if (users.empty()) waiting_.erase(level);
  User& user = users_.at(item.user);
  floor_ = std::max(floor_, user.served);
  --user.waiting;
  --size_;
  Forget();
  return item;
}

bool FairQueue::Remove(const Item& item) {
  const auto level = waiting_.find(item.priority);
  if (level == waiting_.end()) return false;
  const auto user = level->second.find(item.user);
  if (user == level->second.end() || std::erase(user->second, item.id) == 0) return false;
  if (user->second.empty()) level->second.erase(user);
  if (level->second.empty()) waiting_.erase(level);
  --users_.at(item.user).waiting;
  --size_;
  return true;
}

void FairQueue::Charge(const std::string& user, double tokens) { users_[user].served += tokens; }

void FairQueue::Forget() {
  if (users_.size() <= kMaxIdleUsers) return;
  std::erase_if(users_, [&](const auto& entry) {
    return entry.second.waiting == 0 && entry.second.served <= floor_;
  });
}

}  // namespace qed
