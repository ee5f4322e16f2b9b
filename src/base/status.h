// Errors that input, files, users or the machine can cause.
//
// Status is OK or a code with a one-line message that names the thing and the
// mend. Result<T> is a value or such a Status. Bugs of our own are QED_CHECKs
// (base/check.h), never a Status.
#ifndef QED_BASE_STATUS_H_
#define QED_BASE_STATUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace qed {

enum class StatusCode {
  kOk,
  kInvalidArgument,    // A flag, request or file says something impossible.
  kNotFound,           // A file, tensor or name that does not exist.
  kCorrupt,            // A file that contradicts its own format.
  kUnsupported,        // Well-formed, but not something QED can do.
  kResourceExhausted,  // Memory, pages, disk space or a limit ran out.
  kCancelled,
  kDeadlineExceeded,
  kUnavailable,  // A process or peer that is gone.
  kIoError,      // The operating system refused to read or write.
};

// Lower-case name of the code, for example "invalid argument".
std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK.
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error with "prefix: " in front, so that a caller can name the file.
  Status WithPrefix(std::string_view prefix) const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status OkStatus() { return Status(); }
Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status Corrupt(std::string message);
Status Unsupported(std::string message);
Status ResourceExhausted(std::string message);
Status Cancelled(std::string message);
Status DeadlineExceeded(std::string message);
Status Unavailable(std::string message);
Status IoError(std::string message);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit by design.
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit by design.
    QED_CHECK(!status_.ok()) << "a Result made of a Status needs an error";
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // REQUIRES: ok().
  T& value() & {
    QED_CHECK(ok()) << status_.message();
    return *value_;
  }
  const T& value() const& {
    QED_CHECK(ok()) << status_.message();
    return *value_;
  }
  T&& value() && {
    QED_CHECK(ok()) << status_.message();
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace qed

#define QED_CONCAT_INNER(a, b) a##b
#define QED_CONCAT(a, b) QED_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` is an error.
#define QED_RETURN_IF_ERROR(expr)                        \
  do {                                                   \
    if (::qed::Status status_ = (expr); !status_.ok()) { \
      return status_;                                    \
    }                                                    \
  } while (false)

// QED_ASSIGN_OR_RETURN(auto x, F()): the value, or return with F's error.
#define QED_ASSIGN_OR_RETURN(lhs, expr) \
  QED_ASSIGN_OR_RETURN_IMPL(QED_CONCAT(result_, __LINE__), lhs, expr)
#define QED_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                              \
  if (!result.ok()) {                                \
    return result.status();                          \
  }                                                  \
  lhs = *std::move(result)

#endif  // QED_BASE_STATUS_H_
