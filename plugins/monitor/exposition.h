// exposition.h: figures as text that Prometheus reads.
//
// Two dialects: OpenMetrics 1.0, and the older text format. They differ in the name of a counter's family (the older
// one has `_total` in it), in UNIT lines and in how the text ends.
//
// Thread rule: of one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace monitor_plugin {

enum class metric_kind : uint8_t { counter, gauge, histogram };
using metric_labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class exposition {
 public:
  explicit exposition(bool open_metrics) : open_metrics_(open_metrics) {}

  // Begins a family; its samples follow before the next. `name` without `_total`, with its unit at the end.
  void family(std::string_view name, metric_kind kind, std::string_view help, std::string_view unit = {});
  void sample(metric_labels labels, double figure) {
    write(kind_ == metric_kind::counter ? "_total" : "", labels, figure);
  }
  void sample(metric_labels labels, int64_t figure) { sample(labels, static_cast<double>(figure)); }
  // Of a histogram: suffix "_bucket", "_sum" or "_count".
  void part(std::string_view suffix, metric_labels labels, double figure) { write(suffix, labels, figure); }

  // The whole text; nothing can be added afterwards.
  [[nodiscard]] std::string finish();

  // What a name may consist of: anything else becomes '_'.
  static std::string clean(std::string_view name);

 private:
  void write(std::string_view suffix, metric_labels labels, double figure);
  void escape(std::string_view text, bool quotes);

  const bool open_metrics_;
  std::string name_;
  metric_kind kind_ = metric_kind::gauge;
  std::string text_;
};

// The shortest text that is this number.
std::string number_text(double figure);

}  // namespace monitor_plugin
