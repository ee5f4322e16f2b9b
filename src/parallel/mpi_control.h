// What ranks tell each other beside their computing: that they live, what is handed out, and why
// they end. A thread of its own, so that none of it waits for a step.
// Private to libqed_mpi.so.
#ifndef QED_PARALLEL_MPI_CONTROL_H_
#define QED_PARALLEL_MPI_CONTROL_H_

#include <mpi.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace qed {

// Seconds that the others leave the first rank, of all or of a group, to say who hangs.
inline constexpr double kAfterFirstRank = 1.5;

// MPI is asked for calls by one thread at a time; this is held during each.
std::mutex& MpiMutex();

class MpiControl {
 public:
  explicit MpiControl(double stall_seconds);
  // Stops watching; others may end from now on.
  ~MpiControl();

  // "rank 3 on host", of all ranks.
  std::string NameOf(int rank) const;

  void HandOut(std::vector<int64_t> numbers);
  std::optional<int64_t> TakeNext();
  void OnInterrupt(std::function<void()> callback);
  void Interrupt();
  // Tells rank 0, which prints `line` and ends all.
  [[noreturn]] void Fail(const std::string& line);
  // Prints `line` here and ends all; an empty line: somebody else prints one.
  [[noreturn]] void EndAll(const std::string& line);
  // Tells the others that this rank is about to end and has said, or will say, why.
  void SayThatAllEnd();

 private:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr size_t kMostBytes = 1024;
  enum Tag : int { kBeat = 1, kAsk, kNumber, kInterrupt, kLine, kEnding };
  struct Identity {
    std::array<char, 64> host;
    int64_t pid;
    uint64_t pid_space;  // pids of ranks with another one mean other processes
  };
  struct Message {
    int from, tag;
    std::string body;
  };
  struct Sending {
    MPI_Request request;
    std::string body;
  };

  void IntroduceRanks();
  void Run();
  bool Receive(Message& message);
  void Handle(const Message& message, Time now);
  void AnswerAskers();
  void Send(int to, Tag tag, std::string_view body = {});
  void SendToOthers(Tag tag);
  void ForgetWhatIsSent();
  void Beat(Time now);
  void LookForStalls(Time now);
  void LookForDeaths(Time now);
  void CallInterrupt();

  const double stall_seconds_;
  int rank_ = 0, size_ = 1;
  MPI_Comm comm_ = MPI_COMM_NULL;
  std::vector<Identity> identities_;
  std::vector<std::pair<int, UniqueFd>> neighbours_;  // ranks of this host and their pidfds

  // Of the thread alone.
  std::vector<Time> heard_;  // when from each rank
  Time last_look_, next_beat_;
  std::optional<Time> died_at_;
  std::optional<Time> ends_at_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable number_came_;
  std::optional<std::deque<int64_t>> numbers_;  // on rank 0, once they are there
  std::deque<int> askers_;
  std::optional<int64_t> number_;  // that came for this rank
  std::function<void()> on_interrupt_;
  bool interrupted_ = false;

  std::list<Sending> sending_;       // guarded by MpiMutex(); MPI keeps pointers into it
  std::atomic<bool> ending_{false};  // a line was printed, here or elsewhere, or will be
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_PARALLEL_MPI_CONTROL_H_
