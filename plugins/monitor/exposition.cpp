#include "exposition.h"

#include <charconv>

namespace monitor_plugin {

std::string number_text(double figure) {
  char digits[32];
  const auto [end, fault] = std::to_chars(digits, digits + sizeof(digits), figure);
  return fault == std::errc{} ? std::string(digits, end) : "0";
}

std::string exposition::clean(std::string_view name) {
  std::string out;
  for (const char each : name) {
    const bool allowed = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
    out += allowed ? each : '_';
  }
  return out;
}

void exposition::escape(std::string_view text, bool quotes) {
  for (const char each : text) {
    if (each == '\\') {
      text_ += "\\\\";
    } else if (each == '\n') {
      text_ += "\\n";
    } else if (each == '"' && quotes) {
      text_ += "\\\"";
    } else {
      text_ += each;
    }
  }
}

void exposition::family(std::string_view name, metric_kind kind, std::string_view help, std::string_view unit) {
  static constexpr const char *kinds[] = {"counter", "gauge", "histogram"};
  name_ = name;
  kind_ = kind;
  const std::string shown = !open_metrics_ && kind == metric_kind::counter ? name_ + "_total" : name_;
  text_ += "# TYPE " + shown + " " + kinds[static_cast<size_t>(kind)] + "\n";
  if (open_metrics_ && !unit.empty()) text_ += "# UNIT " + shown + " " + std::string(unit) + "\n";
  text_ += "# HELP " + shown + " ";
  escape(help, open_metrics_);
  text_ += "\n";
}

void exposition::write(std::string_view suffix, metric_labels labels, double figure) {
  text_ += name_;
  text_ += suffix;
  if (labels.size() > 0) {
    char before = '{';
    for (const auto &[name, content] : labels) {
      text_ += before;
      text_ += name;
      text_ += "=\"";
      escape(content, true);
      text_ += '"';
      before = ',';
    }
    text_ += '}';
  }
  text_ += ' ';
  text_ += number_text(figure);
  text_ += '\n';
}

std::string exposition::finish() {
  if (open_metrics_) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace monitor_plugin
