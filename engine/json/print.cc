#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "absl/container/inlined_vector.h"
#include "engine/json/json.h"
#include "engine/json/node.h"

namespace millrace {

using json_internal::Node;

namespace {

constexpr size_t kNumberBytesMax = 32;

// For each byte: 0 to print it as it is, 'u' for \u00XX, else the letter after the backslash.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (int byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  return escapes;
}();

size_t StringTextSize(absl::string_view text) {
  size_t size = text.size() + 2;
  for (const char c : text) {
    const char escape = kEscapes[static_cast<uint8_t>(c)];
    if (escape != 0) size += escape == 'u' ? 5 : 1;
  }
  return size;
}

// 1e-07 becomes 1e-7.
char* DropZeroOfExponent(char* first, char* last) {
  if (last - first < 4 || last[-2] != '0' || (last[-3] != '-' && last[-3] != '+')) return last;
  last[-2] = last[-1];
  return last - 1;
}

char* PrintDouble(double value, char* first, char* last) {
  const double magnitude = std::fabs(value);
  if (magnitude < 9007199254740992.0 && std::trunc(value) == value) {
    return std::to_chars(first, last, static_cast<int64_t>(value)).ptr;
  }
  if (magnitude >= 1e-6 && magnitude < 1e21) {
    return std::to_chars(first, last, value, std::chars_format::fixed).ptr;
  }
  return DropZeroOfExponent(first,
                            std::to_chars(first, last, value, std::chars_format::scientific).ptr);
}

char* PrintNumber(const Json& number, char* first, char* last) {
  if (number.kind() == Json::Kind::kDouble) return PrintDouble(number.AsDouble(), first, last);
  if (number.kind() == Json::Kind::kInt) return std::to_chars(first, last, *number.ToInt64()).ptr;
  return std::to_chars(first, last, Node::UintOf(number)).ptr;
}

void AppendScalar(const Json& scalar, std::string* out) {
  switch (scalar.kind()) {
    case Json::Kind::kNull:
      out->append("null", 4);
      break;
    case Json::Kind::kBool:
      out->append(scalar.AsBool() ? "true" : "false");
      break;
    case Json::Kind::kString:
      AppendJsonString(scalar.AsString(), out);
      break;
    default: {
      char buffer[kNumberBytesMax];
      out->append(buffer, PrintNumber(scalar, buffer, buffer + sizeof buffer) - buffer);
    }
  }
}

// Walks with a stack of its own, so that no depth is too deep.
class Printer {
 public:
  Printer(bool pretty, std::string* out) : pretty_(pretty), out_(out) {}

  void Print(const Json& root) {
    Begin(root);
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.json->size()) {
        Close();
        continue;
      }
      if (top.next > 0) out_->push_back(',');
      if (pretty_) BreakLine(open_.size());
      const size_t position = top.next++;
      if (top.json->is_array()) {
        Begin(top.json->elements()[position]);
      } else {
        const JsonMember& member = top.json->members()[position];
        AppendJsonString(member.key.AsString(), out_);
        out_->append(pretty_ ? ": " : ":");
        Begin(member.value);
      }
    }
  }

 private:
  struct Open {
    const Json* json;
    size_t next;
  };

  void Begin(const Json& json) {
    if (json.kind() < Json::Kind::kArray) return AppendScalar(json, out_);
    out_->push_back(json.is_array() ? '[' : '{');
    open_.push_back({&json, 0});
  }

  void Close() {
    const Json& json = *open_.back().json;
    open_.pop_back();
    if (pretty_ && json.size() > 0) BreakLine(open_.size());
    out_->push_back(json.is_array() ? ']' : '}');
  }

  void BreakLine(size_t indent) {
    out_->push_back('\n');
    out_->append(2 * indent, ' ');
  }

  const bool pretty_;
  std::string* const out_;
  absl::InlinedVector<Open, 16> open_;
};

// Deeper values are measured by printing, which does not recurse.
constexpr int kRecursionDepthMax = 256;

size_t MeasureContainer(const Json& json) {
  if (json.depth() > kRecursionDepthMax) {
    std::string text;
    Printer(false, &text).Print(json);
    return text.size();
  }
  size_t total = json.size() == 0 ? 2 : json.size() + 1;  // brackets and commas
  if (json.is_array()) {
    for (const Json& element : json.elements()) total += element.TextSize();
  } else {
    for (const JsonMember& member : json.members()) {
      total += member.key.TextSize() + 1 + member.value.TextSize();
    }
  }
  return total;
}

}  // namespace

void AppendJsonNumber(double value, std::string* out) { AppendScalar(Json(value), out); }

void AppendJsonString(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t printed = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const char escape = kEscapes[byte];
    if (escape == 0) continue;
    out->append(text.data() + printed, i - printed);
    printed = i + 1;
    if (escape == 'u') {
      const char code[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
      out->append(code, sizeof code);
    } else {
      const char code[] = {'\\', escape};
      out->append(code, sizeof code);
    }
  }
  out->append(text.data() + printed, text.size() - printed);
  out->push_back('"');
}

size_t Json::TextSize() const {
  switch (kind_) {
    case Kind::kNull:
      return 4;
    case Kind::kBool:
      return bits_.bool_value ? 4 : 5;
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble: {
      char buffer[kNumberBytesMax];
      return static_cast<size_t>(PrintNumber(*this, buffer, buffer + sizeof buffer) - buffer);
    }
    default:
      break;
  }
  // Threads that meet here compute the same size.
  std::atomic<size_t>& known = json_internal::Node::Of(*this)->text_size;
  size_t size = known.load(std::memory_order_relaxed);
  if (size != 0) return size;
  size = is_string() ? StringTextSize(AsString()) : MeasureContainer(*this);
  known.store(size, std::memory_order_relaxed);
  return size;
}

std::string Json::ToText() const {
  std::string out;
  AppendText(&out);
  return out;
}

std::string Json::ToPrettyText() const {
  std::string out;
  Printer(true, &out).Print(*this);
  return out;
}

void Json::AppendText(std::string* out) const { Printer(false, out).Print(*this); }

}  // namespace millrace
