// A contest's clock, shared out over a known number of problems.
//
// Every problem is granted `base`. What a problem leaves unused goes into the
// bank when it is closed; a problem that has used up its base goes on at the
// bank's expense, for at most `draw`, to at most `cap` in all, and while there is
// something in the bank. The recipe of AIMO-2: base 350 s, draw 210 s, cap 560 s.
// With a `total` the bank opens with what the bases leave of it.
//
// The currency is the machine's time: while k problems are open, each is charged
// 1/k of the time that passes (what does not divide goes to the oldest). So one
// problem at a time is charged what its clock shows, several at a time share it,
// and the charges of all problems add up to the time that passed while any was
// open. In nanoseconds, exactly:
//
//   bases of all problems + opening balance == charges + balance + unused bases
//   of problems not yet closed
//
// A problem cut short a little late overdraws; the next ones pay the debt out of
// their bases, so a total is overrun by one problem's lateness at most.
#ifndef QED_SOLVE_TIME_BANK_H_
#define QED_SOLVE_TIME_BANK_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace qed {

struct TimeLimits {
  Clock::Duration base{0};   // 0: total / number of problems; no limits if that is 0 too
  Clock::Duration draw{0};   // from the bank, a problem; 0: nothing
  Clock::Duration cap{0};    // a problem in all; 0: base + draw
  Clock::Duration total{0};  // of all problems; 0: their bases
};

// Where limits contradict themselves or each other, naming the flags.
Status CheckTimeLimits(const TimeLimits& limits, size_t num_problems);

// Not thread-safe; knows no clock.
class TimeBank {
 public:
  // REQUIRES: CheckTimeLimits(limits, num_problems).ok().
  TimeBank(const TimeLimits& limits, size_t num_problems);

  // What an earlier part of a resumed run charged. REQUIRES: problem neither
  // open nor closed.
  void Restore(size_t problem, Clock::Duration charged);

  // Problems are opened in the order in which remainders are to be charged.
  void Open(size_t problem);
  void Charge(Clock::Duration passed);
  // Pays what is left of the base into the bank. Also of problems that never opened.
  void Close(size_t problem);

  // Whether the problem, open, has nothing left to use.
  bool Expired(size_t problem) const;
  // After which time, if no problem is opened or closed before, one more can
  // expire; none without limits or where all have. Asking again then is needed: it may still be
  // early.
  std::optional<Clock::Duration> UntilExpiry() const;

  bool unlimited() const { return base_.count() == 0; }
  Clock::Duration base() const { return base_; }
  Clock::Duration balance() const { return balance_; }
  Clock::Duration charged(size_t problem) const { return accounts_[problem].charged; }

 private:
  struct Account {
    Clock::Duration charged{0};
    bool closed = false;
  };

  // From the bank so far.
  Clock::Duration Drawn(const Account& account) const;
  // The charge at which the problem's own limits end it.
  Clock::Duration OwnLimit() const;
  Clock::Duration UntilExpiry(const Account& account, Clock::Duration::rep drawing) const;
  void ChargeOne(size_t problem, Clock::Duration amount);

  Clock::Duration base_;
  Clock::Duration draw_;
  Clock::Duration cap_;
  Clock::Duration balance_{0};
  std::vector<Account> accounts_;
  std::vector<size_t> open_;  // oldest first
};

}  // namespace qed

#endif  // QED_SOLVE_TIME_BANK_H_
