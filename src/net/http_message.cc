#include "net/http_message.h"

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = Lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool IsPort(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  return number >= 1 && number <= 65535;
}

bool IsHostCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

Status BadUrl(std::string_view text, std::string_view why) {
  std::string message;
  message.append("\"").append(text.substr(0, 200)).append("\" is not a usable URL: ").append(why);
  message.append("; it should look like http://127.0.0.1:6000");
  return InvalidArgument(std::move(message));
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

const std::string* HttpHeaders::Find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (EqualsIgnoreCase(field, name)) return &value;
  }
  return nullptr;
}

size_t HttpHeaders::Count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(fields_.begin(), fields_.end(), [&](const auto& field) {
    return EqualsIgnoreCase(field.first, name);
  }));
}

HttpResponse JsonResponse(int status, std::string json) {
  HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = std::move(json);
  return response;
}

HttpResponse JsonError(int status, std::string_view message) {
  return JsonResponse(status, DumpJson(nlohmann::json{{"error", message}}));
}

std::string_view HttpReason(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "";
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) || std::string_view("-._~").find(c) < 4)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string Url::Authority() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
}

std::string Url::Origin() const { return (tls ? "https://" : "http://") + Authority(); }

Result<Url> ParseUrl(std::string_view text) {
  static constexpr std::string_view kPlain = "http://", kTls = "https://";
  if (text.size() > 4096) return BadUrl(text, "it is longer than 4096 bytes");
  for (const char c : text) {
    if (c <= ' ' || c == '\x7f') return BadUrl(text, "it holds spaces or control characters");
  }
  const bool tls = EqualsIgnoreCase(text.substr(0, kTls.size()), kTls);
  if (!tls && !EqualsIgnoreCase(text.substr(0, kPlain.size()), kPlain)) {
    return BadUrl(text, "it must begin with http:// or https://");
  }
  std::string_view rest = text.substr(tls ? kTls.size() : kPlain.size());
  const size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  const std::string_view target = rest.substr(slash);
  if (target.find('#') != std::string_view::npos) return BadUrl(text, "it has a #fragment");
  if (authority.find('@') != std::string_view::npos) return BadUrl(text, "it has a user name");

  Url url{"", tls ? "443" : "80", target.starts_with('/') ? "" : "/", tls};
  url.target += target;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return BadUrl(text, "the ] of its address is missing");
    url.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (url.host.find_first_not_of("0123456789abcdefABCDEF:.%") != std::string::npos) {
      return BadUrl(text, "the address in brackets is not IPv6");
    }
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
    if (!std::all_of(url.host.begin(), url.host.end(), IsHostCharacter)) {
      return BadUrl(text, "its host name has unusual characters");
    }
  }
  if (url.host.empty()) return BadUrl(text, "it names no host");
  if (!authority.empty()) {
    if (authority[0] != ':' || !IsPort(authority.substr(1))) {
      return BadUrl(text, "its port must be a number from 1 to 65535");
    }
    url.port = authority.substr(1);
  }
  return url;
}

}  // namespace qed
