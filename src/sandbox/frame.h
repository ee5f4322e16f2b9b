// Messages between the program and the processes of the jail, over stream
// sockets: a little-endian u32 (bytes that follow), one byte of kind, a payload.
// Whatever comes out of the jail is hostile: sizes are bounded, order is not
// trusted.
#ifndef QED_SANDBOX_FRAME_H_
#define QED_SANDBOX_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

enum class FrameKind : char {
  // To the zygote: start a session; carries its control socket, stdout, stderr.
  kSpawn = 'S',
  // From zygote and session: a pidfd of their first process.
  kPidfd = 'P',
  // From the zygote: packages are imported; u32 set of mechanisms that are missing,
  // then what it says of packages (Zygote::packages).
  // From a session: it is sealed.
  kReady = 'R',
  // From either: one line, why it ended.
  kError = 'E',
  // To a session, first: its id, from which its random numbers are seeded.
  kIdentity = 'I',
  // To a session: u32 number of the cell, u8 language, u8 verbosity (client.h),
  // then its source. Its standard input comes along as a descriptor, if any.
  kCell = 'C',
  // From a session: u32 number of the cell, u8 status (0 completed, 1 error).
  kDone = 'D',
};

struct Frame {
  FrameKind kind;
  std::string payload;
};

std::string EncodeFrame(FrameKind kind, std::string_view payload);

// Sends one small message with descriptors attached. Waits while the other side
// does not read, unless `flags` has MSG_DONTWAIT.
Status SendWithFds(int socket, std::string_view bytes, std::span<const int> fds, int flags = 0);

// Cuts a stream of bytes into frames.
class FrameReader {
 public:
  // Larger payloads are an error: nothing that the jail has to say is long.
  static constexpr size_t kMaxPayload = 4096;

  // Reads what `socket` holds, without blocking. kUnavailable at its end. A
  // descriptor that came along is put into `fd` where that is not null, else
  // dropped.
  Status Fill(int socket, UniqueFd* fd = nullptr);
  // The next whole frame, if there is one; kCorrupt if it is none of ours.
  Result<std::optional<Frame>> Next();

 private:
  std::string bytes_;
};

// Waits until `fd` can be read or `deadline` passed. False: it passed.
bool WaitReadable(int fd, Clock::Time deadline);

// The next frame of `socket`, waited for until `deadline`.
Result<Frame> ReceiveFrame(int socket, FrameReader& reader, Clock::Time deadline,
                           UniqueFd* fd = nullptr);

// Milliseconds until `deadline` for poll(): 0 if it passed, rounded up.
int PollTimeout(Clock::Time deadline);

}  // namespace qed

#endif  // QED_SANDBOX_FRAME_H_
