// A number of bytes that many share: what a server holds for clients that send or
// read slowly.
#ifndef QED_NET_BYTE_BUDGET_H_
#define QED_NET_BYTE_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace qed {

// Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(size_t total) : total_(total) {}

  bool Take(size_t bytes) {
    size_t used = used_.load();
    do {
      if (bytes > total_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
  }
  void GiveBack(size_t bytes) { used_.fetch_sub(bytes); }
  size_t used() const { return used_.load(); }

 private:
  const size_t total_;
  std::atomic<size_t> used_{0};
};

// What one body or one reply has of a budget. Its first kFree bytes are not counted:
// whoever needs little is served however much others hold.
class ByteShare {
 public:
  static constexpr size_t kFree = 32 << 10;

  ByteShare() = default;  // of no budget: as large as it likes
  explicit ByteShare(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
  ByteShare(ByteShare&& other) noexcept
      : budget_(std::move(other.budget_)), taken_(std::exchange(other.taken_, 0)) {}
  ByteShare& operator=(ByteShare&& other) noexcept {
    Resize(0);
    budget_ = std::move(other.budget_);
    taken_ = std::exchange(other.taken_, 0);
    return *this;
  }
  ~ByteShare() { Resize(0); }

  // Stands for so many bytes from now on. False: the budget has no room for them, and
  // nothing has changed.
  bool Resize(size_t bytes) {
    if (budget_ == nullptr) return true;
    const size_t wanted = bytes > kFree ? bytes - kFree : 0;
    if (wanted > taken_ && !budget_->Take(wanted - taken_)) return false;
    if (wanted < taken_) budget_->GiveBack(taken_ - wanted);
    taken_ = wanted;
    return true;
  }

 private:
  std::shared_ptr<ByteBudget> budget_;
  size_t taken_ = 0;
};

}  // namespace qed

#endif  // QED_NET_BYTE_BUDGET_H_
