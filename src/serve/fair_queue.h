// Who is next: a bounded queue with priorities and a fair share between users.
// Pure: no clock, no thread.
//
// The lowest priority number comes first, but that every kOldestEvery-th is the oldest of
// all, so that nobody waits for ever for those of a better priority. Within a priority, the user
// who has been served least comes first (virtual token counters: Sheng et al., "Fairness in Serving
// Large Language Models", OSDI 2024), and of one user the oldest. A user who comes back begins at
// what the least served of those that are waiting has had, so that having been away is no credit.
#ifndef QED_SERVE_FAIR_QUEUE_H_
#define QED_SERVE_FAIR_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace qed {

class FairQueue {
 public:
  struct Item {
    uint64_t id = 0;  // ascending with arrival
    int32_t priority = 0;
    std::string user;
  };

  void Push(Item item);
  std::optional<Item> Pop();
  // False: it is not waiting.
  bool Remove(const Item& item);
  // Notes what a user got, in tokens.
  void Charge(const std::string& user, double tokens);
  size_t size() const { return size_; }

 private:
  static constexpr size_t kMaxIdleUsers = 4096;  // whose counters are remembered
  static constexpr uint64_t kOldestEvery = 16;

  struct User {
    double served = 0;
    size_t waiting = 0;  // over all priorities
  };

  Item PopOldest();
  // Takes the oldest of one user's at one priority.
  Item TakeOf(int32_t priority, const std::string& user);
  void Forget();

  std::map<int32_t, std::map<std::string, std::deque<uint64_t>>> waiting_;  // by priority, user
  std::unordered_map<std::string, User> users_;
  size_t size_ = 0;
  uint64_t popped_ = 0;
  double floor_ = 0;  // what the user served last had before
};

}  // namespace qed

#endif  // QED_SERVE_FAIR_QUEUE_H_
