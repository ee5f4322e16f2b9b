#include "net/sse.h"

#include <utility>

namespace qed {

std::string FormatSse(std::string_view data, std::string_view event, std::string_view id) {
  std::string out;
  out.reserve(data.size() + event.size() + id.size() + 32);
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  while (true) {
    const size_t end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(data.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
  }
  return out + "\n";
}

std::string FormatSseComment(std::string_view text) {
  std::string out = ": ";
  for (const char c : text) out += c == '\n' || c == '\r' ? ' ' : c;
  return out + "\n\n";
}

Status SseParser::Feed(std::string_view bytes, std::vector<SseEvent>& events) {
  for (const char c : bytes) {
    const bool ends_crlf = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (ends_crlf) continue;
    if (c == '\r' || c == '\n') {
      FinishLine(events);
    } else {
      line_ += c;
    }
    if (line_.size() + event_.data.size() > max_event_bytes_) {
      return ResourceExhausted("a server-sent event is longer than " +
                               std::to_string(max_event_bytes_) + " bytes");
    }
  }
  return OkStatus();
}

void SseParser::FinishLine(std::vector<SseEvent>& events) {
  const std::string whole = std::exchange(line_, std::string());
  std::string_view line = whole;
  if (at_start_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  at_start_ = false;
  if (line.empty()) {
    if (has_data_) events.push_back(std::move(event_));
    event_ = SseEvent();
    has_data_ = false;
    return;
  }
  const size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id") {
    event_.id = value;
  }  // Comments (an empty name), "retry" and unknown fields say nothing to us.
}

}  // namespace qed
