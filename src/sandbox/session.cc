#include "sandbox/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

namespace qed {
namespace {

constexpr auto kHandshakeTime = std::chrono::seconds(20);
constexpr auto kKillTime = std::chrono::seconds(20);
// For threads to stop that are in the middle of a system call.
constexpr auto kRestTime = std::chrono::seconds(2);
constexpr auto kLongestPause = std::chrono::milliseconds(2);

// How often memory is looked at: rarely while there is one process, which its own
// limit holds; so often with more that little is taken in between; and never so
// that looking costs much beside the work.
constexpr auto kLookAtOne = std::chrono::milliseconds(50);
constexpr auto kLookAtSeveral = std::chrono::milliseconds(10);
constexpr int kRestPerLook = 10;

constexpr char kLostMessage[] =
    "The interpreter ended while this code ran; its variables are lost\n";
constexpr char kMemoryMessage[] =
    "The session's processes together used more memory than they may; its variables are lost\n";
constexpr char kLeftoverMessage[] =
    "This code left processes behind that could not be ended; its variables are lost\n";

struct Pipe {
  UniqueFd read;   // ours: does not block
  UniqueFd write;  // the session's
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return ResourceExhausted(std::string("pipe: ") + std::strerror(errno));
  }
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

void Signal(const UniqueFd& pidfd, int number) {
  if (pidfd.valid()) ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

std::string TimeoutMessage(double timeout) {
  char text[96];
  std::snprintf(text, sizeof(text), "Execution timed out after %g seconds\n", timeout);
  return text;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::Start(Zygote& zygote, const std::string& id) {
  QED_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Start(zygote));
  QED_RETURN_IF_ERROR(session->SetIdentity(id));
  return session;
}

Result<std::unique_ptr<Session>> Session::Start(Zygote& zygote) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ResourceExhausted(std::string("socketpair: ") + std::strerror(errno));
  }
  std::unique_ptr<Session> session(new Session);
  session->control_.Reset(ends[0]);
  UniqueFd theirs(ends[1]);
  QED_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  QED_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  QED_RETURN_IF_ERROR(zygote.Spawn(theirs.get(), out.write.get(), err.write.get()));
  theirs.Reset();  // So that the end of the other side can be seen.
  session->out_ = std::move(out.read);
  session->err_ = std::move(err.read);
  QED_RETURN_IF_ERROR(session->WaitForProcess());
  const SandboxConfig& config = zygote.config();
  session->memory_bytes_ = config.memory_bytes;
  session->interrupt_grace_ = std::chrono::milliseconds(config.interrupt_grace_ms);
  if (zygote.CanWatchProcesses()) {
    Result<ProcessWatch> watch = ProcessWatch::Open(session->pidfd_.get());
    if (!watch.ok()) return Unavailable(watch.status().message());
    session->watch_ = *std::move(watch);
  }
  if (zygote.groups() != nullptr) {
    QED_RETURN_IF_ERROR(session->EnterGroup(*zygote.groups(), config));
  }
  return session;
}

Status Session::EnterGroup(SessionGroups& groups, const SandboxConfig& config) {
  QED_ASSIGN_OR_RETURN(const int number, ProcessNumber(pidfd_.get()));
  // One process that fills its address space is to meet that limit, not this bound.
  QED_ASSIGN_OR_RETURN(
      group_, groups.Add(number, {config.memory_bytes + config.tmp_bytes, config.max_processes}));
  // It lived all the while: so it was the one of this number.
  return ProcessNumber(pidfd_.get()).status();
}

Status Session::SetIdentity(const std::string& id) {
  return SendAll(EncodeFrame(FrameKind::kIdentity, id), Clock::Real().Now() + kHandshakeTime);
}

Status Session::WaitForProcess() {
  const Clock::Time deadline = Clock::Real().Now() + kHandshakeTime;
  // The handle comes from the zygote, the rest from the session, in any order.
  bool sealed = false, handed = false;
  while (!sealed || !handed) {
    Result<Frame> frame = ReceiveFrame(control_.get(), reader_, deadline, &pidfd_);
    if (!frame.ok()) return frame.status().WithPrefix("a sandbox session did not start");
    if (frame->kind == FrameKind::kError) return Unsupported(frame->payload);
    sealed |= frame->kind == FrameKind::kReady;
    handed |= frame->kind == FrameKind::kPidfd && pidfd_.valid();
    if (frame->kind != FrameKind::kReady && frame->kind != FrameKind::kPidfd) {
      return Corrupt("a sandbox session sent an unknown message");
    }
  }
  return OkStatus();
}

Session::~Session() { KillAndWait(); }

bool Session::HasEnded() const { return WaitReadable(pidfd_.get(), Clock::Real().Now()); }

void Session::Kill() { Signal(pidfd_, SIGKILL); }

Status Session::SendAll(std::string_view bytes, Clock::Time deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(control_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Unavailable("the process in the jail ended");
    pollfd wait = {control_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, PollTimeout(deadline)) == 0 && PollTimeout(deadline) == 0) {
      return DeadlineExceeded("the process in the jail does not read");
    }
  }
  return OkStatus();
}

// The first bytes bring the descriptor along. They never wait: a session that is
// about to run a cell has read all that it was sent.
Status Session::SendCell(const ExecuteRequest& request, Clock::Time deadline) {
  std::string payload;
  ++cell_;
  for (int i = 0; i < 4; ++i) payload.push_back(static_cast<char>(cell_ >> (8 * i)));
  payload.push_back(static_cast<char>(request.language));
  payload.push_back(static_cast<char>(request.traceback_verbosity));
  payload += request.generated_code;
  const std::string frame = EncodeFrame(FrameKind::kCell, payload);
  if (request.std_input.empty()) return SendAll(frame, deadline);
  QED_ASSIGN_OR_RETURN(LentFile file, LentFile::Create("qed-stdin", request.std_input));
  input_.emplace(std::move(file));
  const int fds[] = {input_->reader()};
  const std::string_view bytes = frame;
  QED_RETURN_IF_ERROR(SendWithFds(control_.get(), bytes.substr(0, 1), fds, MSG_DONTWAIT));
  return SendAll(bytes.substr(1), deadline);
}

// Output that arrived between two cells belongs to neither.
void Session::DiscardOutput() {
  OutputStream discarded(0);
  while (!discarded.flooded() && (discarded.Read(out_.get()) || discarded.Read(err_.get()))) {
  }
}

Result<std::optional<Session::CellEnd>> Session::NextEnd() {
  QED_ASSIGN_OR_RETURN(const std::optional<Frame> frame, reader_.Next());
  if (!frame.has_value()) return std::optional<CellEnd>();
  char expected[4];
  for (int i = 0; i < 4; ++i) expected[i] = static_cast<char>(cell_ >> (8 * i));
  if (frame->kind != FrameKind::kDone || frame->payload.size() != 5 ||
      std::memcmp(frame->payload.data(), expected, 4) != 0) {
    return Corrupt("the process in the jail sent an unknown message");
  }
  return std::optional<CellEnd>(frame->payload[4] == 0 ? CellEnd::kCompleted : CellEnd::kError);
}

bool Session::OverMemory(Clock::Time now) {
  // Of several processes the kernel has ended one, and the others would go on.
  if (group_ != nullptr && group_->RanOutOfMemory()) return true;
  if (!watch_.has_value()) {
    next_look_ = group_ != nullptr ? now + kLookAtOne : Clock::Time::max();
    return false;
  }
  const ProcessWatch::Use use = watch_->Measure(memory_bytes_);
  const Clock::Time after = Clock::Real().Now();
  const Clock::Duration rest = (after - now) * kRestPerLook;
  const Clock::Duration period = use.processes > 1 ? kLookAtSeveral : kLookAtOne;
  next_look_ = after + std::max(rest, period);
  return use.processes > 1 && use.bytes > memory_bytes_;
}

Session::CellEnd Session::Await(Clock::Time deadline, Flood flood, OutputStream& out,
                                OutputStream& err) {
  bool out_open = true, err_open = true;  // someone may still write
  while (true) {
    Result<std::optional<CellEnd>> end = NextEnd();
    if (!end.ok()) return CellEnd::kLost;
    if (end->has_value()) return **end;
    const Clock::Time now = Clock::Real().Now();
    if (now >= deadline) return CellEnd::kDeadline;
    if (now >= next_look_ && OverMemory(now)) return CellEnd::kMemory;
    const bool read_out = out_open && (flood == Flood::kDiscard || !out.flooded());
    const bool read_err = err_open && (flood == Flood::kDiscard || !err.flooded());
    pollfd waits[3] = {{control_.get(), POLLIN, 0},
                       {read_out ? out_.get() : -1, POLLIN, 0},
                       {read_err ? err_.get() : -1, POLLIN, 0}};
    if (::poll(waits, 3, PollTimeout(std::min(deadline, next_look_))) < 0 && errno != EINTR) {
      return CellEnd::kLost;
    }
    if (waits[1].revents != 0) out_open = out.Read(out_.get());
    if (waits[2].revents != 0) err_open = err.Read(err_.get());
    if (waits[0].revents != 0 && !reader_.Fill(control_.get()).ok()) return CellEnd::kLost;
  }
}

Session::CellEnd Session::Interrupt(OutputStream& out, OutputStream& err) {
  const Clock::Time until = Clock::Real().Now() + interrupt_grace_;
  Signal(pidfd_, SIGINT);
  // What the cell started has no grace: it would keep the interpreter from its own.
  if (watch_.has_value()) watch_->KillChildren();
  return Await(until, Flood::kDiscard, out, err);
}

// Threads that a cell left behind stand still until the next one. Processes are all
// ended by the worker; where some are left, the cell has got at it.
bool Session::ComeToRest() {
  Signal(pidfd_, SIGSTOP);
  stopped_ = true;
  if (!watch_.has_value()) return true;
  const Clock::Time latest = Clock::Real().Now() + kRestTime;
  for (Clock::Duration pause = std::chrono::microseconds(20);;) {
    const ProcessWatch::Rest rest = watch_->Look();
    if (rest != ProcessWatch::Rest::kMoving) return rest == ProcessWatch::Rest::kAtRest;
    if (Clock::Real().Now() >= latest) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min<Clock::Duration>(2 * pause, kLongestPause);
  }
}

bool Session::IsAtRest() const {
  if (HasEnded()) return false;
  return !stopped_ || !watch_.has_value() || watch_->Look() == ProcessWatch::Rest::kAtRest;
}

void Session::KillAndWait() {
  alive_ = false;
  Kill();
  // The first process of a PID namespace is the last to go.
  if (pidfd_.valid()) WaitReadable(pidfd_.get(), Clock::Real().Now() + kKillTime);
}

ExecuteResult Session::RunCell(const ExecuteRequest& request) {
  const Clock::Time start = Clock::Real().Now();
  const Clock::Time deadline = start + ToDuration(request.timeout);
  OutputStream out(request.max_output_characters);
  OutputStream err(request.max_output_characters);
  DiscardOutput();
  stopped_ = false;
  Signal(pidfd_, SIGCONT);
  next_look_ = start + kLookAtSeveral;

  CellEnd end = CellEnd::kLost;
  const Status sent = SendCell(request, deadline);
  if (sent.ok()) end = Await(deadline, Flood::kBlock, out, err);
  const bool late = end == CellEnd::kDeadline || sent.code() == StatusCode::kDeadlineExceeded;
  if (late && sent.ok()) end = Interrupt(out, err);

  const bool ended = end == CellEnd::kCompleted || end == CellEnd::kError;
  const bool left_processes = ended && !ComeToRest();
  if (!ended || left_processes) KillAndWait();
  input_.reset();  // whatever the session kept of it
  // What was written before the end lies in the pipes.
  while (!out.flooded() && out.Read(out_.get())) {
  }
  while (!err.flooded() && err.Read(err_.get())) {
  }
  ExecuteResult result;
  result.out = out.Finish();
  result.err = err.Finish();
  if (late) {
    result.process_status = ExecuteResult::ProcessStatus::kTimeout;
    result.err += TimeoutMessage(request.timeout);
  } else if (!alive_) {
    result.process_status = ExecuteResult::ProcessStatus::kError;
    const bool memory = end == CellEnd::kMemory || (group_ != nullptr && group_->RanOutOfMemory());
    result.err += memory ? kMemoryMessage : left_processes ? kLeftoverMessage : kLostMessage;
  } else {
    result.process_status = end == CellEnd::kCompleted ? ExecuteResult::ProcessStatus::kCompleted
                                                       : ExecuteResult::ProcessStatus::kError;
  }
  result.seconds = Seconds(Clock::Real().Now() - start);
  return result;
}

}  // namespace qed
