#include "service/cli/pattern.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace millrace::cli {
namespace {

using Difference = std::optional<std::string>;

constexpr size_t kShownBytesMax = 240;

std::string Shown(const Json& value) {
  std::string text = value.ToText();
  if (text.size() <= kShownBytesMax) return text;
  return absl::StrCat(text.substr(0, kShownBytesMax), "...");
}

class Matcher {
 public:
  explicit Matcher(SoftTexts soft_texts) : soft_texts_(soft_texts) {}
  Difference Match(const Json& expected, const Json& actual, const std::string& place) const;

 private:
  Difference MatchPattern(absl::string_view kind, const Json& pattern, const Json& actual,
                          const std::string& place) const;
  Difference MatchMembers(const Json& expected, const Json& actual, const std::string& place,
                          bool may_have_more) const;
  Difference MatchElements(const Json& expected, const Json& actual,
                           const std::string& place) const;
  Difference MatchOneOf(const Json& choices, const Json& actual, const std::string& place) const;

  const SoftTexts soft_texts_;
};

std::string Where(const std::string& place) { return place.empty() ? "/" : place; }

std::string Differ(const std::string& place, const Json& expected, const Json& actual) {
  return absl::StrCat(Where(place), ": expected ", Shown(expected), ", got ", Shown(actual));
}

bool IsOfType(absl::string_view type, const Json& value) {
  if (type == "any") return true;
  if (type == "string") return value.is_string();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "number") return value.is_number();
  return type == "boolean" && value.is_bool();
}

bool HasParts(const Json& parts, const Json& value) {
  if (!value.is_string()) return false;
  absl::string_view text = value.AsString();
  const auto all = parts.elements();
  if (all.empty()) return true;
  const absl::string_view last = all.back().AsString();
  if (!absl::StartsWith(text, all.front().AsString())) return false;
  text.remove_prefix(all.front().AsString().size());
  for (size_t i = 1; i + 1 < all.size(); ++i) {
    const size_t found = text.find(all[i].AsString());
    if (found == absl::string_view::npos) return false;
    text.remove_prefix(found + all[i].AsString().size());
  }
  return all.size() == 1 ? text.empty() : absl::EndsWith(text, last);
}

Difference Matcher::Match(const Json& expected, const Json& actual,
                          const std::string& place) const {
  const absl::string_view kind = PatternKind(expected);
  if (!kind.empty()) return MatchPattern(kind, expected.members()[0].value, actual, place);
  if (expected.is_object() && actual.is_object()) {
    return MatchMembers(expected, actual, place, /*may_have_more=*/false);
  }
  if (expected.is_array() && actual.is_array()) return MatchElements(expected, actual, place);
  if (expected == actual) return std::nullopt;
  return Differ(place, expected, actual);
}

Difference Matcher::MatchPattern(absl::string_view kind, const Json& pattern, const Json& actual,
                                 const std::string& place) const {
  if (kind == "$optional") return Match(pattern, actual, place);
  if (kind == "$oneof") return MatchOneOf(pattern, actual, place);
  if (kind == "$has" && actual.is_object()) return MatchMembers(pattern, actual, place, true);
  if (kind == "$any" && IsOfType(pattern.AsString(), actual)) return std::nullopt;
  if (kind == "$parts" && HasParts(pattern, actual)) return std::nullopt;
  if (kind == "$soft" && soft_texts_ == SoftTexts::kEqual) return Match(pattern, actual, place);
  if (kind == "$soft" && actual.is_string()) return std::nullopt;
  if (kind == "$json" && actual.is_string()) {
    const absl::StatusOr<Json> json = ParseJson(actual.AsString());
    if (json.ok()) return Match(pattern, *json, place + "(text)");
  }
  return Differ(place, Json::Object({{kind, pattern}}), actual);
}

Difference Matcher::MatchMembers(const Json& expected, const Json& actual, const std::string& place,
                                 bool may_have_more) const {
  for (const JsonMember& member : expected.members()) {
    const absl::string_view key = member.key.AsString();
    const std::string below = absl::StrCat(place, "/", key);
    const Json* value = actual.Find(key);
    if (value != nullptr) {
      if (Difference difference = Match(member.value, *value, below)) return difference;
    } else if (PatternKind(member.value) != "$optional") {
      return absl::StrCat(below, ": expected ", Shown(member.value), ", got nothing");
    }
  }
  if (may_have_more) return std::nullopt;
  for (const JsonMember& member : actual.members()) {
    if (expected.Find(member.key.AsString()) != nullptr) continue;
    return absl::StrCat(place, "/", member.key.AsString(), ": expected nothing, got ",
                        Shown(member.value));
  }
  return std::nullopt;
}

Difference Matcher::MatchElements(const Json& expected, const Json& actual,
                                  const std::string& place) const {
  if (expected.size() != actual.size()) return Differ(place, expected, actual);
  for (size_t i = 0; i < expected.size(); ++i) {
    Difference difference =
        Match(expected.elements()[i], actual.elements()[i], absl::StrCat(place, "/", i));
    if (difference.has_value()) return difference;
  }
  return std::nullopt;
}

Difference Matcher::MatchOneOf(const Json& choices, const Json& actual,
                               const std::string& place) const {
  for (const Json& choice : choices.elements()) {
    if (!Match(choice, actual, place).has_value()) return std::nullopt;
  }
  return Differ(place, choices, actual);
}

}  // namespace

absl::string_view PatternKind(const Json& expected) {
  constexpr absl::string_view kKinds[] = {"$any",      "$parts", "$soft", "$json",
                                          "$optional", "$has",   "$oneof"};
  if (!expected.is_object() || expected.size() != 1) return "";
  const absl::string_view key = expected.members()[0].key.AsString();
  const auto* const found = std::find(std::begin(kKinds), std::end(kKinds), key);
  return found == std::end(kKinds) ? "" : *found;
}

std::optional<std::string> FindDifference(const Json& expected, const Json& actual,
                                          SoftTexts soft_texts) {
  return Matcher(soft_texts).Match(expected, actual, "");
}

}  // namespace millrace::cli
