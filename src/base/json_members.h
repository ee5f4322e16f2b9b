// A JSON object whose values stay as they are written.
#ifndef QED_BASE_JSON_MEMBERS_H_
#define QED_BASE_JSON_MEMBERS_H_

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

// The members of one object with their values as the text writes them: numbers keep the
// digits that a double would lose. Of members with one name the last counts. Errors are
// ParseJson's (base/json.h), within its limits.
Result<std::map<std::string, std::string>> ParseJsonMembers(std::string_view text);

}  // namespace qed

#endif  // QED_BASE_JSON_MEMBERS_H_
