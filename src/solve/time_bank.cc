#include "solve/time_bank.h"

#include <algorithm>

namespace qed {
namespace {

using Duration = Clock::Duration;

Duration BaseOf(const TimeLimits& limits, size_t num_problems) {
  if (limits.base.count() > 0 || num_problems == 0) return limits.base;
  return limits.total / static_cast<Duration::rep>(num_problems);
}

}  // namespace

Status CheckTimeLimits(const TimeLimits& limits, size_t num_problems) {
  const Duration zero{0};
  const bool any_base = limits.base > zero || limits.total > zero;
  if (!any_base && (limits.draw > zero || limits.cap > zero)) {
    return InvalidArgument(
        "--time-bank and --time-cap need --time-per-problem or --time-total beside them");
  }
  const Duration base = BaseOf(limits, num_problems);
  if (any_base && base.count() <= 0) {
    return InvalidArgument("--time-total leaves no time for each problem: raise it");
  }
  if (limits.cap > zero && limits.cap < base) {
    return InvalidArgument("--time-cap is below the time that every problem is granted (" +
                           std::to_string(Seconds(base)) + " s): raise it or lower the grant");
  }
  const double bases = Seconds(base) * static_cast<double>(num_problems);
  if (limits.total > zero && bases > Seconds(limits.total) * (1 + 1e-9)) {
    return InvalidArgument("--time-per-problem for " + std::to_string(num_problems) +
                           " problems is more than --time-total: lower it");
  }
  return OkStatus();
}

TimeBank::TimeBank(const TimeLimits& limits, size_t num_problems)
    : base_(BaseOf(limits, num_problems)),
      draw_(limits.draw),
      cap_(limits.cap),
      accounts_(num_problems) {
  if (limits.total.count() > 0) {
    balance_ = limits.total - base_ * static_cast<Duration::rep>(num_problems);
  }
}

Duration TimeBank::Drawn(const Account& account) const {
  return std::max(Duration{0}, account.charged - base_);
}

Duration TimeBank::OwnLimit() const {
  const Duration with_draw = base_ + draw_;
  return cap_.count() > 0 ? std::min(cap_, with_draw) : with_draw;
}

void TimeBank::ChargeOne(size_t problem, Duration amount) {
  Account& account = accounts_[problem];
  const Duration before = Drawn(account);
  account.charged += amount;
  balance_ -= Drawn(account) - before;
}

void TimeBank::Restore(size_t problem, Duration charged) { ChargeOne(problem, charged); }

void TimeBank::Open(size_t problem) {
  QED_CHECK(!accounts_[problem].closed) << "a closed problem is opened";
  open_.push_back(problem);
}

void TimeBank::Charge(Duration passed) {
  if (open_.empty()) return;
  const auto sharers = static_cast<Duration::rep>(open_.size());
  const Duration share = passed / sharers;
  for (const size_t problem : open_) ChargeOne(problem, share);
  ChargeOne(open_.front(), passed - share * sharers);
}

void TimeBank::Close(size_t problem) {
  Account& account = accounts_[problem];
  QED_CHECK(!account.closed) << "a problem is closed twice";
  account.closed = true;
  balance_ += std::max(Duration{0}, base_ - account.charged);
  std::erase(open_, problem);
}

bool TimeBank::Expired(size_t problem) const {
  if (unlimited()) return false;
  const Duration charged = accounts_[problem].charged;
  if (charged >= OwnLimit()) return true;
  // An empty bank pays nothing beyond the base, a debt is paid out of the base.
  return balance_.count() <= 0 && charged >= base_ + balance_;
}

// While `drawing` open problems are beyond their bases, every nanosecond that
// each problem is charged takes as many from the bank.
Duration TimeBank::UntilExpiry(const Account& account, Duration::rep drawing) const {
  const auto bank_lasts = [&] { return Duration((balance_.count() + drawing - 1) / drawing); };
  if (account.charged >= base_) return std::min(OwnLimit() - account.charged, bank_lasts());
  const Duration base_left = base_ - account.charged;
  if (drawing == 0) return balance_.count() < 0 ? base_left + balance_ : base_left;
  // A bank that falls below nothing takes from the bases of those who have some.
  const Duration::rep owned = (base_left + balance_).count();
  return std::min(base_left, std::max(bank_lasts(), Duration((owned + drawing) / (1 + drawing))));
}

std::optional<Duration> TimeBank::UntilExpiry() const {
  if (unlimited()) return std::nullopt;
  const Duration::rep drawing = std::count_if(open_.begin(), open_.end(), [&](size_t problem) {
    return accounts_[problem].charged >= base_;
  });
  Duration shortest = Duration::max();
  for (const size_t problem : open_) {
    if (!Expired(problem)) shortest = std::min(shortest, UntilExpiry(accounts_[problem], drawing));
  }
  if (shortest == Duration::max()) return std::nullopt;
  return std::max(shortest, Duration{1}) * static_cast<Duration::rep>(open_.size());
}

}  // namespace qed
