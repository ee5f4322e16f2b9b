// QED_CHECK: for bugs of our own. What a file, a request or a user can cause
// is a Status (base/status.h) and must never reach a check.
#ifndef QED_BASE_CHECK_H_
#define QED_BASE_CHECK_H_

#include <sstream>

namespace qed {

// Collects the message of a failed check; its destructor prints and aborts.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Lets the macro be an expression statement with `<<` behind it.
struct CheckVoidify {
  void operator&(std::ostream&) {}
};

}  // namespace qed

#define QED_CHECK(condition) \
  (condition)                \
      ? static_cast<void>(0) \
      : ::qed::CheckVoidify() & ::qed::CheckFailure(__FILE__, __LINE__, #condition).stream()

#define QED_CHECK_EQ(a, b) QED_CHECK((a) == (b)) << (a) << " vs " << (b) << " "
#define QED_CHECK_LE(a, b) QED_CHECK((a) <= (b)) << (a) << " vs " << (b) << " "
#define QED_CHECK_LT(a, b) QED_CHECK((a) < (b)) << (a) << " vs " << (b) << " "
#define QED_CHECK_GE(a, b) QED_CHECK((a) >= (b)) << (a) << " vs " << (b) << " "

#endif  // QED_BASE_CHECK_H_
