#include "engine/expr/jsonpath_parser.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace millrace::jsonpath_internal {
namespace {

// The integers that all JSON software agrees on: RFC 9535 allows no others.
constexpr int64_t kIntegerMax = (int64_t{1} << 53) - 1;

bool IsSingular(const Segment& segment) {
  if (segment.descendant || segment.selectors.size() != 1) return false;
  const Selector::Kind kind = segment.selectors[0].kind;
  return kind == Selector::Kind::kName || kind == Selector::Kind::kIndex;
}

}  // namespace

bool Parser::Take(absl::string_view token) {
  if (text_.substr(at_, token.size()) != token) return false;
  at_ += token.size();
  return true;
}

void Parser::SkipSpace() {
  while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++at_;
}

bool Parser::Fail(absl::string_view message) {
  if (problem_.ok()) {
    problem_ = absl::InvalidArgumentError(
        absl::StrCat("Not a JSONPath: ", message, " at character ", at_ + 1, " of '", text_, "'."));
  }
  return false;
}

bool Parser::IsNameStart(size_t ahead) const {
  const char c = Peek(ahead);
  return absl::ascii_isalpha(static_cast<uint8_t>(c)) || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

bool Parser::IsNameByte(size_t ahead) const {
  return IsNameStart(ahead) || absl::ascii_isdigit(static_cast<uint8_t>(Peek(ahead)));
}

absl::StatusOr<Query> Parser::ParseAll() {
  Query query;
  if (ParseRoot(&query) && ParseQuery(&query) && !AtEnd()) Fail("unexpected text");
  if (!problem_.ok()) return problem_;
  query.text = std::string(text_);
  return query;
}

bool Parser::ParseRoot(Query* query) {
  if (!Take("$")) return Fail("no '$'");
  if (!lenient_) return true;
  if (Take("$")) {
    query->root = Query::Root::kContext;
  } else if (IsNameStart(0)) {
    query->root = Query::Root::kVariable;
    while (IsNameByte(0)) query->variable.push_back(text_[at_++]);
  }
  return true;
}

bool Parser::ParseQuery(Query* query) {
  while (true) {
    const size_t before = at_;
    SkipSpace();
    if (AtEnd() || (Peek() != '.' && Peek() != '[')) {
      at_ = before;  // the space is not the query's
      break;
    }
    if (query->is_length) return Fail("text after a function");
    if (query->segments.size() >= kSegmentsMax) return Fail("too many segments");
    if (!ParseSegment(query)) return false;
  }
  query->is_singular = std::all_of(query->segments.begin(), query->segments.end(), IsSingular);
  return true;
}

bool Parser::ParseSegment(Query* query) {
  Segment segment;
  if (Peek() == '[') {
    if (!ParseBrackets(&segment)) return false;
  } else {
    segment.descendant = Take("..");
    if (!segment.descendant) ++at_;
    if (!ParseAfterDot(query, &segment)) return false;
    if (query->is_length) return true;
  }
  query->segments.push_back(std::move(segment));
  return true;
}

bool Parser::ParseAfterDot(Query* query, Segment* segment) {
  if (Peek() == '[' && (segment->descendant || lenient_)) return ParseBrackets(segment);
  if (lenient_ && !segment->descendant && Take("length()")) {
    query->is_length = true;
    return true;
  }
  Selector selector;
  if (Take("*")) {
    selector.kind = Selector::Kind::kWildcard;
  } else if (!ParseShorthand(&selector.name)) {
    return false;
  }
  segment->selectors.push_back(std::move(selector));
  return true;
}

// Outside of filters the States Language lets a name hold any character but those of the syntax,
// and these after a backslash.
bool Parser::EndsName() const {
  if (AtEnd()) return true;
  if (!lenient_) return !IsNameByte(0);
  if (IsNameByte(0) || Peek() == '-') return false;
  if (filter_depth_ > 0) return true;
  constexpr absl::string_view kSyntax = ".[]()'\"?@*,:";
  return static_cast<uint8_t>(Peek()) <= ' ' || kSyntax.find(Peek()) != absl::string_view::npos;
}

bool Parser::ParseShorthand(std::string* name) {
  if (!lenient_ && !IsNameStart(0)) return Fail("no name");
  while (!EndsName()) {
    if (lenient_ && Peek() == '\\' && at_ + 1 < text_.size()) ++at_;
    name->push_back(text_[at_++]);
  }
  return name->empty() ? Fail("no name") : true;
}

bool Parser::ParseBrackets(Segment* segment) {
  ++at_;
  do {
    SkipSpace();
    Selector selector;
    if (!ParseSelector(&selector)) return false;
    segment->selectors.push_back(std::move(selector));
    SkipSpace();
  } while (Take(","));
  return Take("]") ? true : Fail("no ']'");
}

bool Parser::ParseSelector(Selector* selector) {
  if (Peek() == '\'' || Peek() == '"') return ParseQuoted(&selector->name);
  if (Take("*")) {
    selector->kind = Selector::Kind::kWildcard;
    return true;
  }
  if (Take("?")) {
    selector->kind = Selector::Kind::kFilter;
    auto filter = std::make_shared<Filter>();
    ++filter_depth_;
    if (!ParseFilter(filter.get())) return false;
    --filter_depth_;
    selector->filter = std::move(filter);
    return true;
  }
  if (lenient_ && Peek() == '(') return ParseLastIndex(selector);
  return ParseIndexOrSlice(selector);
}

// `(@.length-1)`: counted from the end.
bool Parser::ParseLastIndex(Selector* selector) {
  ++at_;
  SkipSpace();
  if (!Take("@.length")) return Fail("no '@.length'");
  SkipSpace();
  if (!Take("-")) return Fail("no '-'");
  SkipSpace();
  selector->kind = Selector::Kind::kIndex;
  if (!ParseInteger(&selector->index)) return false;
  if (selector->index < 1) return Fail("an index after the end");
  selector->index = -selector->index;
  SkipSpace();
  return Take(")") ? true : Fail("no ')'");
}

bool Parser::ParseIndexOrSlice(Selector* selector) {
  const auto at_integer = [this] {
    return Peek() == '-' || absl::ascii_isdigit(static_cast<uint8_t>(Peek()));
  };
  selector->kind = Selector::Kind::kIndex;
  if (at_integer()) {
    if (!ParseInteger(&selector->index)) return false;
    const size_t before = at_;
    SkipSpace();
    if (Peek() != ':') {
      at_ = before;
      return true;
    }
    selector->start = selector->index;
  } else if (Peek() != ':') {
    return Fail("no selector");
  }
  selector->kind = Selector::Kind::kSlice;
  ++at_;
  SkipSpace();
  if (at_integer() && !ParseInteger(&selector->end.emplace())) return false;
  SkipSpace();
  if (!Take(":")) return true;
  SkipSpace();
  return at_integer() ? ParseInteger(&selector->step) : true;
}

bool Parser::ParseInteger(int64_t* value) {
  const size_t first = at_;
  Take("-");
  while (absl::ascii_isdigit(static_cast<uint8_t>(Peek()))) ++at_;
  const absl::string_view digits = text_.substr(first, at_ - first);
  const size_t sign = digits.front() == '-' ? 1 : 0;
  if (digits.size() == sign) return Fail("no digits");
  if (digits[sign] == '0' && digits.size() > 1) return Fail("a needless zero or sign");
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
  if (error != std::errc() || *value > kIntegerMax || *value < -kIntegerMax) {
    return Fail("an integer of more than 53 bits");
  }
  return true;
}

}  // namespace millrace::jsonpath_internal
