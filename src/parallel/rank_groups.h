// All processes that a launcher has started, in groups of equal size: each group computes a
// network of its own, with one rank the process has the whole of it.
//
// While it exists the ranks watch each other. One that ends, or stands still for longer than
// RankOptions::stall_seconds, is the end of all of them, with one line that names it.
#ifndef QED_PARALLEL_RANK_GROUPS_H_
#define QED_PARALLEL_RANK_GROUPS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace qed {

struct RankOptions {
  int32_t group_size = 1;  // divides the number of ranks
  double stall_seconds = 30;
};

// Any thread may call; those of `group` and `leaders` one at a time each.
class RankGroups {
 public:
  // Waits until all ranks have come here, unless LeaveAlone was called. Waiting takes next to no
  // processor time.
  virtual ~RankGroups() = default;

  virtual int32_t rank() const = 0;  // among all
  virtual int32_t num_groups() const = 0;
  virtual Communicator& group() = 0;  // this rank's, whose rank 0 leads it
  // Those who lead their groups, by the groups' number; null for who leads none.
  virtual Communicator* leaders() = 0;

  // Numbers that TakeNext hands out in this order. Called by rank 0, once.
  virtual void HandOut(std::vector<int64_t> numbers) = 0;
  // The next number, to nobody else; none: all are handed out. Waits for HandOut.
  virtual std::optional<int64_t> TakeNext() = 0;

  // What Interrupt calls, on every rank, on a thread of its own. Before that thread could need it:
  // an interrupt that came earlier calls it at once.
  virtual void OnInterrupt(std::function<void()> callback) = 0;
  virtual void Interrupt() = 0;

  // For a rank that cannot go on, where others wait for it: rank 0 prints `line`, and all end.
  [[noreturn]] virtual void Fail(const std::string& line) = 0;
  // The same for rank 0, which is about to print its line itself and end.
  virtual void LeaveAlone() = 0;
};

}  // namespace qed

#endif  // QED_PARALLEL_RANK_GROUPS_H_
