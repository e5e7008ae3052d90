#include <algorithm>
#include <cmath>
#include <string>

#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/text.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

Value String(const Call& call) {
  if (call[0].is_undefined() || call[0].is_string()) return call[0];
  std::string text;
  AppendText(call.evaluation, call[0], call[1].is_bool() && call[1].boolean(), &text);
  return call.evaluation.Text(text);
}

Value Length(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return Value::Of(static_cast<double>(CountChars(call[0].text())));
}

// Positions count code points; negative ones from the end.
Value Substring(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const absl::string_view text = call[0].text();
  const auto length = static_cast<double>(CountChars(text));
  double start = call[1].is_number() ? std::trunc(call[1].number()) : 0;
  if (length + start < 0) start = 0;
  double end = length;
  if (call[2].is_number()) {
    if (call[2].number() <= 0) return Value::Of(absl::string_view());
    end = std::trunc((start == 0 ? 0 : call[1].number()) + call[2].number());
    if (start < 0) end = std::trunc(length + start + call[2].number());
  }
  if (start < 0) start += length;
  start = std::min(start, length);
  end = std::clamp(end, start, length);
  const size_t first = ByteOffset(text, static_cast<size_t>(start));
  const absl::string_view rest = text.substr(first);
  return Value::Of(rest.substr(0, ByteOffset(rest, static_cast<size_t>(end - start))));
}

Value SubstringBefore(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_string()) return call[0];
  const size_t found = call[0].text().find(call[1].text());
  return found == absl::string_view::npos ? call[0] : Value::Of(call[0].text().substr(0, found));
}

Value SubstringAfter(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_string()) return call[0];
  const size_t found = call[0].text().find(call[1].text());
  return found == absl::string_view::npos
             ? call[0]
             : Value::Of(call[0].text().substr(found + call[1].text().size()));
}

Value Lowercase(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return call.evaluation.Text(ToLower(call[0].text()));
}

Value Uppercase(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return call.evaluation.Text(ToUpper(call[0].text()));
}

// One space for any run of white space, and none at either end.
Value Trim(const Call& call) {
  if (call[0].is_undefined()) return Value();
  std::string trimmed;
  bool is_pending = false;
  for (const char c : call[0].text()) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      is_pending = !trimmed.empty();
      continue;
    }
    if (is_pending) trimmed.push_back(' ');
    is_pending = false;
    trimmed.push_back(c);
  }
  return call.evaluation.Text(trimmed);
}

// A negative width pads on the left.
Value Pad(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_number()) return call[0];
  const absl::string_view text = call[0].text();
  absl::string_view fill = call[2].is_string() ? call[2].text() : absl::string_view();
  if (CountChars(fill) == 0) fill = " ";  // of bytes that are no UTF-8, too
  const double width = call[1].number();
  const double missing = std::fabs(width) - static_cast<double>(CountChars(text));
  if (!(missing >= 1)) return call[0];
  const auto chars = static_cast<size_t>(std::min(missing, 1e12));
  const size_t fill_chars = CountChars(fill);
  call.evaluation.CheckStringSize(text.size() + chars / fill_chars * fill.size());
  std::string padding;
  for (size_t i = 0; i < chars / fill_chars; ++i) padding.append(fill.data(), fill.size());
  padding.append(fill.data(), ByteOffset(fill, chars % fill_chars));
  return width > 0 ? call.evaluation.Concatenate(call.evaluation.Text(text).text(), padding)
                   : call.evaluation.Concatenate(call.evaluation.Text(padding).text(), text);
}

Value Join(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const absl::string_view separator = call[1].is_string() ? call[1].text() : absl::string_view();
  std::string joined;
  for (size_t i = 0; i < call[0].size(); ++i) {
    const Value item = call[0][i];
    if (i > 0) joined.append(separator.data(), separator.size());
    if (item.is_string()) joined.append(item.text().data(), item.text().size());
    call.evaluation.Step();
    call.evaluation.CheckStringSize(joined.size());
  }
  return call.evaluation.Text(joined);
}

constexpr BuiltinEntry kFunctions[] = {
    {"string", String, "<x-b?:s>", 1},
    {"length", Length, "<s-:n>", 1},
    {"substring", Substring, "<s-nn?:s>", 3},
    {"substringBefore", SubstringBefore, "<s-s:s>", 2},
    {"substringAfter", SubstringAfter, "<s-s:s>", 2},
    {"lowercase", Lowercase, "<s-:s>", 1},
    {"uppercase", Uppercase, "<s-:s>", 1},
    {"trim", Trim, "<s-:s>", 1},
    {"pad", Pad, "<s-ns?:s>", 3},
    {"join", Join, "<a<s>s?:s>", 2},
};

}  // namespace

absl::Span<const BuiltinEntry> StringFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
