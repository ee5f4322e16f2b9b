// "2/8": a part of so many.
#ifndef QED_CLI_NUMBERED_PART_H_
#define QED_CLI_NUMBERED_PART_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace qed {

struct NumberedPart {
  int32_t part = 0;
  int32_t count = 0;
};

// Two numbers as they stand there, whatever their size; nullopt: the text is anything else.
std::optional<NumberedPart> ReadNumberedPart(std::string_view text);

}  // namespace qed

#endif  // QED_CLI_NUMBERED_PART_H_
