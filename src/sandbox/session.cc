#include "sandbox/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sandbox/memory_file.h"

namespace qed {
namespace {

constexpr auto kStartTime = std::chrono::seconds(20);
constexpr auto kInterruptGrace = std::chrono::milliseconds(500);
constexpr auto kKillTime = std::chrono::seconds(5);

constexpr char kLostMessage[] =
    "The interpreter ended while this code ran; its variables are lost\n";

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
  return session;
}

Status Session::SetIdentity(const std::string& id) {
  return SendAll(EncodeFrame(FrameKind::kIdentity, id), Clock::Real().Now() + kStartTime);
}

Status Session::WaitForProcess() {
  Result<Frame> frame =
      ReceiveFrame(control_.get(), reader_, Clock::Real().Now() + kStartTime, &pidfd_);
  if (!frame.ok()) return frame.status().WithPrefix("a sandbox session did not start");
  if (frame->kind == FrameKind::kError) return Unsupported(frame->payload);
  if (frame->kind != FrameKind::kPidfd || !pidfd_.valid()) {
    return Corrupt("a sandbox session sent an unknown message");
  }
  return OkStatus();
}

Session::~Session() {
  Kill();
  // The first process of a PID namespace is the last to go.
  if (pidfd_.valid()) WaitReadable(pidfd_.get(), Clock::Real().Now() + kKillTime);
}

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
  QED_ASSIGN_OR_RETURN(const UniqueFd input, MemoryFile("qed-stdin", request.std_input));
  const int fds[] = {input.get()};
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

Session::CellEnd Session::Await(Clock::Time deadline, Flood flood, OutputStream& out,
                                OutputStream& err) {
  bool out_open = true, err_open = true;  // someone may still write
  while (true) {
    Result<std::optional<CellEnd>> end = NextEnd();
    if (!end.ok()) return CellEnd::kLost;
    if (end->has_value()) return **end;
    const bool read_out = out_open && (flood == Flood::kDiscard || !out.flooded());
    const bool read_err = err_open && (flood == Flood::kDiscard || !err.flooded());
    pollfd waits[3] = {{control_.get(), POLLIN, 0},
                       {read_out ? out_.get() : -1, POLLIN, 0},
                       {read_err ? err_.get() : -1, POLLIN, 0}};
    const int timeout = PollTimeout(deadline);
    if (timeout == 0) return CellEnd::kDeadline;
    if (::poll(waits, 3, timeout) < 0 && errno != EINTR) return CellEnd::kLost;
    if (waits[1].revents != 0) out_open = out.Read(out_.get());
    if (waits[2].revents != 0) err_open = err.Read(err_.get());
    if (waits[0].revents != 0 && !reader_.Fill(control_.get()).ok()) return CellEnd::kLost;
  }
}

ExecuteResult Session::RunCell(const ExecuteRequest& request) {
  const Clock::Time start = Clock::Real().Now();
  const Clock::Time deadline = start + std::chrono::duration_cast<Clock::Duration>(
                                           std::chrono::duration<double>(request.timeout));
  OutputStream out(request.max_output_characters);
  OutputStream err(request.max_output_characters);
  DiscardOutput();
  Signal(pidfd_, SIGCONT);
  ExecuteResult result;
  CellEnd end = CellEnd::kLost;
  const Status sent = SendCell(request, deadline);
  if (sent.ok()) end = Await(deadline, Flood::kBlock, out, err);
  if (end == CellEnd::kDeadline || sent.code() == StatusCode::kDeadlineExceeded) {
    result.process_status = ExecuteResult::ProcessStatus::kTimeout;
    Signal(pidfd_, SIGINT);
    end = Await(Clock::Real().Now() + kInterruptGrace, Flood::kDiscard, out, err);
    alive_ = sent.ok() && (end == CellEnd::kCompleted || end == CellEnd::kError);
  } else {
    alive_ = end != CellEnd::kLost;
    result.process_status = end == CellEnd::kCompleted ? ExecuteResult::ProcessStatus::kCompleted
                                                       : ExecuteResult::ProcessStatus::kError;
  }
  // Threads that a cell left behind stand still until the next one.
  Signal(pidfd_, alive_ ? SIGSTOP : SIGKILL);
  // What was written before the end lies in the pipes.
  while (!out.flooded() && out.Read(out_.get())) {
  }
  while (!err.flooded() && err.Read(err_.get())) {
  }
  result.out = out.Finish();
  result.err = err.Finish();
  if (result.process_status == ExecuteResult::ProcessStatus::kTimeout) {
    result.err += TimeoutMessage(request.timeout);
  } else if (!alive_) {
    result.err += kLostMessage;
  }
  result.seconds = Seconds(Clock::Real().Now() - start);
  return result;
}

}  // namespace qed
