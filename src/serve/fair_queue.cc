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
  if (++popped_ % kOldestEvery == 0) return PopOldest();
  const auto& [priority, users] = *waiting_.begin();
  const auto next = std::ranges::min_element(users, [&](const auto& a, const auto& b) {
    const double x = users_.at(a.first).served, y = users_.at(b.first).served;
    return x != y ? x < y : a.second.front() < b.second.front();
  });
  return TakeOf(priority, next->first);
}

FairQueue::Item FairQueue::PopOldest() {
  int32_t priority = 0;
  const std::pair<const std::string, std::deque<uint64_t>>* oldest = nullptr;
  for (const auto& [level, users] : waiting_) {
    for (const auto& user : users) {
      if (oldest != nullptr && oldest->second.front() < user.second.front()) continue;
      oldest = &user;
      priority = level;
    }
  }
  return TakeOf(priority, oldest->first);
}

FairQueue::Item FairQueue::TakeOf(int32_t priority, const std::string& name) {
  const auto level = waiting_.find(priority);
  const auto entry = level->second.find(name);
  Item item{entry->second.front(), priority, name};
  entry->second.pop_front();
  if (entry->second.empty()) level->second.erase(entry);
  if (level->second.empty()) waiting_.erase(level);
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
