#include "solve/svg_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace qed {
namespace {

// Of a chart, in its own units.
constexpr double kWidth = 720, kHeight = 240;
constexpr double kLeft = 56, kRight = 12, kTop = 12, kBottom = 34;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kPlotHeight = kHeight - kTop - kBottom;
constexpr int kGridLines = 4;
constexpr std::array<const char*, 4> kColors = {"#1f5fa8", "#c25b12", "#2e7d4f", "#7a4c9e"};

std::string Number(double value) {
  std::array<char, 32> text;
  const int digits = std::abs(value) >= 100 ? 0 : std::abs(value) >= 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

// Length of the UTF-8 character that `text` begins with; 0 if there is none.
size_t CharacterLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xC2 ? 0
                        : lead < 0xE0 ? 2
                        : lead < 0xF0 ? 3
                        : lead < 0xF5 ? 4
                                      : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::string Open() {
  return "<svg viewBox=\"0 0 " + Number(kWidth) + " " + Number(kHeight) + "\" role=\"img\">\n";
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" text-anchor=\"" + anchor + "\">" +
         EscapeHtml(text) + "</text>\n";
}

double Y(double value, double top) {
  return kTop + kPlotHeight * (1 - std::clamp(value / top, 0.0, 1.0));
}

std::string Grid(double top, const std::string& unit) {
  std::string svg;
  for (int i = 0; i <= kGridLines; ++i) {
    const double value = top * i / kGridLines;
    const double y = Y(value, top);
    svg += "<line class=\"grid\" x1=\"" + Number(kLeft) + "\" x2=\"" + Number(kWidth - kRight) +
           "\" y1=\"" + Number(y) + "\" y2=\"" + Number(y) + "\"/>\n";
    svg += Text(kLeft - 6, y + 4, "end", Number(value) + unit);
  }
  return svg;
}

std::string Polyline(const Series& series, double top, size_t most, const char* color) {
  std::string points;
  std::string dots;
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (!std::isfinite(series.values[i])) continue;
    const double share = most > 1 ? static_cast<double>(i) / static_cast<double>(most - 1) : 0.5;
    const std::string x = Number(kLeft + kPlotWidth * share);
    const std::string y = Number(Y(series.values[i], top));
    points += x + "," + y + " ";
    dots += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"3\" fill=\"" + color + "\"><title>" +
            EscapeHtml(series.name) + ", " + std::to_string(i + 1) + ": " +
            Number(series.values[i]) + "</title></circle>\n";
  }
  return std::string("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"") + color +
         "\" points=\"" + points + "\"/>\n" + dots;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool control =
        length == 1 && (byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\t'));
    if (length == 0 || control) {
      out += "\xEF\xBF\xBD";
    } else if (text[0] == '&') {
      out += "&amp;";
    } else if (text[0] == '<') {
      out += "&lt;";
    } else if (text[0] == '>') {
      out += "&gt;";
    } else if (text[0] == '"') {
      out += "&quot;";
    } else if (text[0] == '\'') {
      out += "&#39;";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string LineChart(const std::vector<Series>& series, double top, const std::string& what) {
  size_t most = 1;
  for (const Series& line : series) most = std::max(most, line.values.size());
  std::string svg = Open() + Grid(top, "");
  for (size_t i = 0; i < series.size(); ++i) {
    const char* color = kColors[i % kColors.size()];
    svg += Polyline(series[i], top, most, color);
    svg += std::string("<g fill=\"") + color + "\">" +
           Text(kLeft + 12, kTop + 16 + 16 * static_cast<double>(i), "start", series[i].name) +
           "</g>\n";
  }
  svg += Text(kLeft, kHeight - 14, "middle", "1");
  svg += Text(kWidth - kRight, kHeight - 14, "end", std::to_string(most));
  svg += Text(kLeft + kPlotWidth / 2, kHeight - 6, "middle", what);
  return svg + "</svg>\n";
}

std::string BarChart(const std::vector<Bar>& bars, const std::string& unit) {
  double top = 0;
  for (const Bar& bar : bars) {
    if (std::isfinite(bar.value)) top = std::max(top, bar.value);
  }
  if (top <= 0) top = 1;
  std::string svg = Open() + Grid(top, unit);
  const double pitch = kPlotWidth / static_cast<double>(std::max<size_t>(bars.size(), 1));
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = Y(std::isfinite(bars[i].value) ? bars[i].value : 0, top);
    svg += "<rect class=\"bar\" x=\"" + Number(kLeft + pitch * (static_cast<double>(i) + 0.1)) +
           "\" width=\"" + Number(pitch * 0.8) + "\" y=\"" + Number(y) + "\" height=\"" +
           Number(kTop + kPlotHeight - y) + "\"><title>" + EscapeHtml(bars[i].name) + ": " +
           Number(bars[i].value) + EscapeHtml(unit + bars[i].note) + "</title></rect>\n";
    if (bars.size() <= 12) {
      svg += Text(kLeft + pitch * (static_cast<double>(i) + 0.5), kHeight - 14, "middle",
                  bars[i].name);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace qed
