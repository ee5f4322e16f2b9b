// Values as text, as Python prints them.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/jinja/value.h"
#include "text/unicode.h"

namespace qed::jinja {
namespace {

// repr() of a float: the shortest digits that read back the same, with an
// exponent below 1e-4 and from 1e16 on.
std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  const std::string text(buffer.begin(), end.ptr);
  const int exponent = std::stoi(text.substr(text.find('e') + 1));
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::fixed);
  const std::string plain(buffer.begin(), fixed.ptr);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

void AppendHex(const char* format, uint32_t code, std::string& out) {
  std::array<char, 16> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, code);
  out += buffer.data();
}

// What str.isprintable() says no to: separators, controls, formats, private use.
bool IsPrintable(uint32_t code) {
  if (code == ' ') return true;
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0xA0);
  const bool format = code == 0xAD || (code >= 0x200B && code <= 0x200F) ||
                      (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
                      code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFB);
  const bool private_use = (code >= 0xE000 && code <= 0xF8FF) || code >= 0xE0000;
  return !control && !format && !private_use && !IsSpace(code);
}

std::string StringRepr(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const bool has_double = text.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    pos += c.length;
    if (c.code == static_cast<uint32_t>(quote) || c.code == '\\') {
      out += '\\';
      out += static_cast<char>(c.code);
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (IsPrintable(c.code)) {
      AppendUtf8(c.code, out);
    } else {
      AppendHex(c.code < 0x100 ? "\\x%02x" : c.code < 0x10000 ? "\\u%04x" : "\\U%08x", c.code, out);
    }
  }
  return out + quote;
}

Result<std::string> ListRepr(const List& list) {
  std::string out(1, list.is_tuple ? '(' : '[');
  for (size_t i = 0; i < list.items.size(); ++i) {
    QED_ASSIGN_OR_RETURN(const std::string item, ToRepr(list.items[i]));
    out += (i > 0 ? ", " : "") + item;
  }
  if (list.is_tuple && list.items.size() == 1) out += ",";
  return out + (list.is_tuple ? ')' : ']');
}

Result<std::string> DictRepr(const Dict& dict) {
  std::string out = "{";
  for (const auto& [key, value] : dict.entries) {
    QED_ASSIGN_OR_RETURN(const std::string item, ToRepr(value));
    out += (out.size() > 1 ? ", " : "") + StringRepr(key) + ": " + item;
  }
  return out + "}";
}

void AppendJsonString(const std::string& text, bool ensure_ascii, std::string& out) {
  out += '"';
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    pos += c.length;
    constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    const size_t escape =
        c.code < 0x80 ? kEscaped.find(static_cast<char>(c.code)) : std::string_view::npos;
    if (escape != std::string_view::npos) {
      out += {'\\', kLetters[escape]};
    } else if (c.code < 0x20 || (ensure_ascii && c.code > 0x7E && c.code < 0x10000)) {
      AppendHex("\\u%04x", c.code, out);
    } else if (ensure_ascii && c.code >= 0x10000) {
      AppendHex("\\u%04x", 0xD800 + ((c.code - 0x10000) >> 10 & 0x3FF), out);
      AppendHex("\\u%04x", 0xDC00 + ((c.code - 0x10000) & 0x3FF), out);
    } else {
      AppendUtf8(c.code, out);
    }
  }
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonFormat& format, std::string& out) : format_(format), out_(out) {}

  Status Write(const Value& value) {
    if (value.is_none()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.boolean() ? "true" : "false";
    } else if (value.is_int()) {
      out_ += std::to_string(value.integer());
    } else if (value.is_float()) {
      const double number = value.number();
      out_ += std::isnan(number)   ? "NaN"
              : std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity")
                                   : FloatRepr(number);
    } else if (value.is_string()) {
      AppendJsonString(value.string(), format_.ensure_ascii, out_);
    } else if (value.is_list()) {
      return WriteList(value.list());
    } else if (value.is_dict()) {
      return WriteDict(value.dict());
    } else {
      return InvalidArgument(std::string("tojson of a value of type ") + value.TypeName());
    }
    return OkStatus();
  }

 private:
  Status WriteList(const List& list) {
    if (list.items.empty()) return Put("[]");
    Open('[');
    for (size_t i = 0; i < list.items.size(); ++i) {
      BeginItem(i);
      QED_RETURN_IF_ERROR(Write(list.items[i]));
    }
    Close(']');
    return OkStatus();
  }

  Status WriteDict(const Dict& dict) {
    if (dict.entries.empty()) return Put("{}");
    std::vector<const std::pair<std::string, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (format_.sort_keys) {
      std::ranges::sort(entries, {}, [](const auto* entry) { return entry->first; });
    }
    Open('{');
    for (size_t i = 0; i < entries.size(); ++i) {
      BeginItem(i);
      AppendJsonString(entries[i]->first, format_.ensure_ascii, out_);
      out_ += format_.key_separator;
      QED_RETURN_IF_ERROR(Write(entries[i]->second));
    }
    Close('}');
    return OkStatus();
  }

  Status Put(std::string_view text) {
    out_ += text;
    return OkStatus();
  }
  void Open(char bracket) {
    out_ += bracket;
    ++level_;
  }
  void Close(char bracket) {
    --level_;
    NewLine();
    out_ += bracket;
  }
  void BeginItem(size_t index) {
    if (index > 0) out_ += format_.item_separator;
    NewLine();
  }
  void NewLine() {
    if (format_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(format_.indent) * static_cast<size_t>(level_), ' ');
  }

  const JsonFormat& format_;
  std::string& out_;
  int level_ = 0;
};

}  // namespace

Result<std::string> ToString(const Value& value) {
  if (value.is_undefined()) return std::string();
  if (value.is_string()) return value.string();
  return ToRepr(value);
}

Result<std::string> ToRepr(const Value& value) {
  if (value.is_none()) return std::string("None");
  if (value.is_undefined()) return std::string("Undefined");
  if (value.is_bool()) return std::string(value.boolean() ? "True" : "False");
  if (value.is_int()) return std::to_string(value.integer());
  if (value.is_float()) return FloatRepr(value.number());
  if (value.is_string()) return StringRepr(value.string());
  if (value.is_list()) return ListRepr(value.list());
  if (value.is_dict()) return DictRepr(value.dict());
  return InvalidArgument(std::string("a value of type ") + value.TypeName() + " is not text");
}

Result<std::string> ToJson(const Value& value, const JsonFormat& format) {
  std::string out;
  QED_RETURN_IF_ERROR(JsonWriter(format, out).Write(value));
  return out;
}

}  // namespace qed::jinja
